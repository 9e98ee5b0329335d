#!/usr/bin/env python3
"""Writes tests/golden/tokenizers: small tokenizers of every kind with what the reference makes of some texts.

*.json     a tokenizer.json ("tokenizer") and its cases: text, ids; "plain" ids where control tokens are not
           parsed, "framed" ids with those of the post-processor, and what the framed ids decode to without
           and with ("decoded_all") control tokens; plain and decoded_all only where they differ
*.spm      SentencePiece models; *.spm.json their cases (sentencepiece itself)

The vocabularies are trained here on the sentences below. Needs tokenizers==0.23.3 and sentencepiece==0.2.3.
"""
import json
import pathlib
import tempfile

import sentencepiece
from tokenizers import (AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors,
                        trainers)

OUT = pathlib.Path(__file__).resolve().parent.parent / "tests/golden/tokenizers"
TRAINING = [
    "The quick brown fox jumps over the lazy dog and runs through the forest.",
    "She said that it's not what they'd wanted, but we'll see if you're right.",
    "In 2024 the price rose from 12,345.67 to 98765 within three weeks!",
    "def add(a, b):\n    return a + b\n\nfor i in range(10):\n\tprint(i)\n",
    "Kucing itu duduk di atas meja, lalu melompat ke luar jendela.",
    "Saya tidak tahu apakah mereka akan datang besok pagi atau lusa.",
    "El niño comió en el café; l'été était déjà fini. Größe, Straße, naïve.",
    "人工智能 是 计算机 科学 的 一个 分支。 日本語 の テキスト。",
    "Привет, мир! Как дела? Всё хорошо.",
    "the the the there then them these thing things think thought through",
]
TEXTS = [
    "", "a", " ", "  ", "Hello world", " Hello  world ", "the quick brown fox's tail", "we'll SEE, They'D say I'm",
    "in 2024: 12345.67 or 1/2 ½ ² ① Ⅷ ३४", "tabs\tand\nnew\n\n\nlines\r\n  end", "    def f(x):\n        return x  # ok\n",
    "café cafe\u0301 Å A\u030a ﬁ Ｆｕｌｌ", "人工智能，日本語テキスト。한국어", "Привет, мир! ÀÉÎ İstanbul ẞ", "👍🏽 👩‍👩‍👧 🇮🇩 e\u0301\u0302",
    "...!!! --- ??? a,b;c:d (e) [f] {g} \"h\" 'i' `j` $1 +2 <3 =4 ^5 |6 ~7", "HelloWorld camelCase XMLHttp ABCdef",
    "<s>control</s> <user>word<user>s <user> x", "  <user>  <lstrip> a <lstrip>b  <both>  c", "▁marks▁ and ▁▁", "\u00a0\u2003\u3000\u200b|\u0085|",
    "<0x41> <unk> byte", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "Kucing itu melompat ke luar jendela.",
    "\x00\x01\x7f", "xyzzy qwrtp ξψ", "Cafes the</s>the THE",
]
CL100K = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
          r"|\s+(?!\S)|\s+")
O200K = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
         r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
         r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
DEEPSEEK3 = (r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"
             r"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
BYTES = [f"<0x{b:02X}>" for b in range(256)]


def split(pattern, behavior="isolated", invert=False):
    return pre_tokenizers.Split(Regex(pattern), behavior, invert)


def train(tokenizer, size, special=("<s>", "</s>"), **options):
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=list(special), show_progress=False, **options)
    tokenizer.train_from_iterator(TRAINING * 3, trainer)


def byte_level(pre, normalizer=None, ignore_merges=False):
    t = Tokenizer(models.BPE(ignore_merges=ignore_merges))
    if normalizer:
        t.normalizer = normalizer
    t.pre_tokenizer = pre
    t.decoder = decoders.ByteLevel()
    train(t, 400, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    return t


def plain_bpe(pre=None, normalizer=None, decoder=None, **model):
    t = Tokenizer(models.BPE(unk_token="<unk>", **model))
    if normalizer:
        t.normalizer = normalizer
    if pre:
        t.pre_tokenizer = pre
    options = {k: v for k, v in model.items() if k in ("continuing_subword_prefix", "end_of_word_suffix")}
    special = ["<unk>", "<s>", "</s>"] + (BYTES if model.get("byte_fallback") else [])
    train(t, 180 + len(special), special, limit_alphabet=60, **options)
    if model.get("byte_fallback"):
        t = without_added(t, BYTES)
    if decoder:
        t.decoder = decoder
    return t


def without_added(tokenizer, contents):
    """The same tokenizer; these tokens stay in the vocabulary but are no added tokens."""
    data = json.loads(tokenizer.to_str())
    data["added_tokens"] = [t for t in data["added_tokens"] if t["content"] not in contents]
    return Tokenizer.from_str(json.dumps(data))


def unigram(byte_fallback=False, **parts):
    t = Tokenizer(models.Unigram())
    t.pre_tokenizer = pre_tokenizers.Metaspace(**parts)
    trainer = trainers.UnigramTrainer(vocab_size=150, special_tokens=["<unk>", "<s>", "</s>"], unk_token="<unk>",
                                      show_progress=False)
    t.train_from_iterator(TRAINING * 3, trainer)
    data = json.loads(t.to_str())
    if byte_fallback:
        data["model"]["vocab"] += [[b, -20.0] for b in BYTES]
        data["model"]["byte_fallback"] = True
    # Scores as short numbers: equal sums are then equal in every order of adding.
    for entry in data["model"]["vocab"]:
        entry[1] = round(entry[1] * 64) / 64
    t = Tokenizer.from_str(json.dumps(data))
    t.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace(**parts)]) if byte_fallback \
        else decoders.Metaspace(**parts)
    return t


def small_charsmap():
    """A precompiled_charsmap of a few rules, as SentencePiece compiles it."""
    with tempfile.TemporaryDirectory() as folder:
        rules = pathlib.Path(folder, "rules.tsv")
        rules.write_text("".join(f"{' '.join(f'{ord(c):X}' for c in a)}\t{' '.join(f'{ord(c):X}' for c in b)}\n"
                                 for a, b in [("é", "e"), ("e\u0301", "e"), ("ﬁ", "fi"), ("\u3000", " "), ("½", "1/2"),
                                              ("\u200b", ""), ("Ａ", "A"), ("…", "...")]))
        model = train_spm(folder, normalization_rule_tsv=str(rules), vocab_size=120)
    proto = sentencepiece_model().ModelProto()
    proto.ParseFromString(model)
    return proto.normalizer_spec.precompiled_charsmap


def sentencepiece_model():
    from sentencepiece import sentencepiece_model_pb2
    return sentencepiece_model_pb2


def train_spm(folder, **options):
    text, prefix = pathlib.Path(folder, "text"), pathlib.Path(folder, "model")
    text.write_text("\n".join(TRAINING * 3))
    sentencepiece.SentencePieceTrainer.train(input=str(text), model_prefix=str(prefix), minloglevel=2,
                                             hard_vocab_limit=False, num_threads=1, **options)
    return pathlib.Path(str(prefix) + ".model").read_bytes()


def add_user_tokens(tokenizer):
    tokenizer.add_tokens([AddedToken("<user>", single_word=True, normalized=True),
                          AddedToken("<lstrip>", lstrip=True, normalized=False),
                          AddedToken("<both>", lstrip=True, rstrip=True, normalized=False)])


def template(tokenizer, single="<s> $A </s>"):
    ids = [(t, tokenizer.token_to_id(t)) for t in ("<s>", "</s>")]
    return processors.TemplateProcessing(single=single, special_tokens=ids)


def hugging_face():
    level = pre_tokenizers.ByteLevel
    no_regex = level(add_prefix_space=False, use_regex=False)
    yield "byte_level", byte_level(level(add_prefix_space=False))
    yield "byte_level_prefix", byte_level(level(add_prefix_space=True))
    yield "byte_level_no_regex", byte_level(level(add_prefix_space=True, use_regex=False))
    yield "cl100k", byte_level(pre_tokenizers.Sequence([split(CL100K), no_regex]), ignore_merges=True)
    yield "o200k", byte_level(pre_tokenizers.Sequence([split(O200K), no_regex]))
    yield "qwen2", byte_level(pre_tokenizers.Sequence([split(CL100K.replace("{1,3}", "")), no_regex]), normalizers.NFC())
    yield "smollm", byte_level(pre_tokenizers.Sequence([pre_tokenizers.Digits(True), level(add_prefix_space=False)]))
    yield "deepseek3", byte_level(pre_tokenizers.Sequence(
        [split(r"\p{N}{1,3}"), split("[一-龥\u3040-ゟ゠-ヿ]+"), split(DEEPSEEK3), no_regex]))
    yield "falcon", byte_level(pre_tokenizers.Sequence(
        [pre_tokenizers.Punctuation("contiguous"), level(add_prefix_space=False), pre_tokenizers.Digits(False),
         split("[0-9][0-9][0-9]")]))
    yield "byte_level_normalizer", plain_bpe(split(r"\s+$"), normalizers.Sequence([normalizers.NFKD(), normalizers.ByteLevel()]),
                                             decoders.ByteLevel())
    llama = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    yield "llama", plain_bpe(None, normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]), llama,
                             byte_fallback=True, fuse_unk=True)
    gemma = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    yield "gemma", plain_bpe(pre_tokenizers.Split(" ", "merged_with_previous"), normalizers.Replace(" ", "▁"), gemma,
                             byte_fallback=True, fuse_unk=True)
    for scheme in ("first", "always", "never"):
        parts = dict(replacement="▁", prepend_scheme=scheme, split=scheme != "never")
        yield f"metaspace_{scheme}", plain_bpe(pre_tokenizers.Metaspace(**parts), None, decoders.Metaspace(**parts), fuse_unk=scheme == "first")
    yield "word_suffix", plain_bpe(pre_tokenizers.WhitespaceSplit(), normalizers.Lowercase(), decoders.BPEDecoder("</w>"),
                                   end_of_word_suffix="</w>")
    yield "continuing_prefix", plain_bpe(pre_tokenizers.Whitespace(), None, None, continuing_subword_prefix="##")
    strip = normalizers.Sequence([normalizers.Strip(), normalizers.NFD(), normalizers.StripAccents(), normalizers.Lowercase(),
                                  normalizers.Replace(Regex(r"\s{2,}"), " ")])
    yield "normalizers", plain_bpe(pre_tokenizers.BertPreTokenizer(), strip)
    yield "nfkc_nmt", plain_bpe(pre_tokenizers.Punctuation(), normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC()]))
    for behavior in ("removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"):
        yield f"split_{behavior}", plain_bpe(pre_tokenizers.Split(Regex(r"\d|[^\w\s]"), behavior))
    yield "split_invert", plain_bpe(pre_tokenizers.Sequence(
        [split(r"\w+", "merged_with_next", True), pre_tokenizers.CharDelimiterSplit("e"), split(r"(?<=a)\b|\h{2}", "isolated")]))
    yield "unigram", unigram(prepend_scheme="always")
    yield "unigram_bytes", unigram(byte_fallback=True, prepend_scheme="first")
    charsmap = unigram(prepend_scheme="always")
    charsmap.normalizer = normalizers.Sequence([normalizers.Precompiled(small_charsmap()), normalizers.Replace(Regex(" {2,}"), " ")])
    yield "unigram_charsmap", charsmap


def cases_of(tokenizer):
    for text in TEXTS:
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        tokenizer.encode_special_tokens = True
        plain = tokenizer.encode(text, add_special_tokens=False).ids
        tokenizer.encode_special_tokens = False
        framed = tokenizer.encode(text).ids
        case = {"text": text, "ids": ids, "framed": framed, "decoded": tokenizer.decode(framed)}
        if plain != ids:
            case["plain"] = plain
        everything = tokenizer.decode(framed, skip_special_tokens=False)
        if everything != case["decoded"]:
            case["decoded_all"] = everything
        yield case


def write_hugging_face():
    for i, (name, tokenizer) in enumerate(hugging_face()):
        add_user_tokens(tokenizer)
        if i % 3 == 0:
            tokenizer.post_processor = template(tokenizer)
        elif i % 3 == 1:
            tokenizer.post_processor = processors.Sequence([processors.ByteLevel(), template(tokenizer, "<s> $A")])
        else:
            tokenizer.post_processor = processors.RobertaProcessing(("</s>", tokenizer.token_to_id("</s>")),
                                                                    ("<s>", tokenizer.token_to_id("<s>")))
        data = {"tokenizer": json.loads(tokenizer.to_str()), "cases": list(cases_of(tokenizer))}
        if i % 2 == 1 and "merges" in data["tokenizer"]["model"]:  # the older form
            merges = data["tokenizer"]["model"]["merges"]
            if not any(" " in part for merge in merges for part in merge):
                data["tokenizer"]["model"]["merges"] = [" ".join(merge) for merge in merges]
        (OUT / f"{name}.json").write_text(json.dumps(data, ensure_ascii=False, separators=(",", ":")) + "\n")


def write_sentencepiece():
    user = dict(user_defined_symbols=["<user>", "▁▁", "▁▁▁", "\t"], control_symbols=["<|im_end|>"])
    with tempfile.TemporaryDirectory() as folder:
        made = {
            "bpe_bytes": train_spm(folder, model_type="bpe", vocab_size=400, byte_fallback=True, add_dummy_prefix=True,
                                   remove_extra_whitespaces=False, normalization_rule_name="identity", **user),
            "bpe_no_prefix": train_spm(folder, model_type="bpe", vocab_size=400, byte_fallback=True, add_dummy_prefix=False,
                                       remove_extra_whitespaces=False, normalization_rule_name="identity"),
            "bpe": train_spm(folder, model_type="bpe", vocab_size=150, normalization_rule_name="identity"),
            "unigram": train_spm(folder, model_type="unigram", vocab_size=150, normalization_rule_name="identity", **user),
            "char": train_spm(folder, model_type="char", vocab_size=80, normalization_rule_name="identity"),
        }
    proto = sentencepiece_model().ModelProto()
    proto.ParseFromString(made["unigram"])
    for piece in proto.pieces:  # see unigram() above
        piece.score = round(piece.score * 64) / 64
    proto.normalizer_spec.precompiled_charsmap = small_charsmap()
    made["unigram"] = proto.SerializeToString()
    for name, model in made.items():
        (OUT / f"{name}.spm").write_bytes(model)
        processor = sentencepiece.SentencePieceProcessor(model_proto=model)
        cases = []
        for text in TEXTS:
            if "\x00" in text:
                continue
            ids = processor.encode(text)
            cases.append({"text": text, "ids": ids, "decoded": processor.decode(ids)})
        (OUT / f"{name}.spm.json").write_text(json.dumps(cases, ensure_ascii=False, separators=(",", ":")) + "\n")


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    write_hugging_face()
    write_sentencepiece()


if __name__ == "__main__":
    main()
