"""Small templates that ask after one thing each: the semantics of Jinja2 and of the Python below it."""

# What the probes can use.
DATA = {
    "s": "Hello, World",
    "t": "  two  words\t\n",
    "u": "Grüße, ǆ ΑΣ Σ. ßtraße 漢字 🙂 İ",
    "e": "",
    "lines": "one\ntwo\r\nthree\n\nfive\x0b six",
    "html": "<a href=\"x\">b & 'c'</a>",
    "n": 7,
    "m": -3,
    "z": 0,
    "f": 2.5,
    "g": -0.1,
    "big": 9007199254740993,
    "y": True,
    "nope": None,
    "l": [3, 1, 2],
    "w": ["b", "A", "c", "a", "B"],
    "nested": [[1, 2], [3, [4, None, True, 1.5, "x'y"]]],
    "d": {"b": 1, "a": {"k": [1, {"z": None}]}, "items": "mine", "C": 2.0},
    "users": [
        {"name": "Ann", "age": 31, "city": {"zip": "10"}},
        {"name": "bob", "age": 4, "city": {"zip": "9"}},
        {"name": "Cid", "age": 31},
    ],
}

EXPRESSIONS = r"""
1 + 2 * 3 - 4 / 2
7 // 2 | 7 // -2 | -7 // 2 | 7.5 // 2 | -7.5 // 2 | -0.0 // 3
7 % 3 | -7 % 3 | 7 % -3 | 7.5 % 2 | -7.5 % 2 | 5 % -2.5
2 ** 10 | 2 ** -1 | 2 ** 0.5 | -2 ** 2 | 2 ** 3 ** 2 | (-8) ** 3
1 / 3 | 2 / 1 | 1e3 | 1.5e-7 | 1e16 | 1e15 | 123456789012345680.0 | 0.1 + 0.2 | 1e22 | 5e-324 | 1.0
1_000 + 0x1F + 0b101 + 0o17
true + 1 | true * 3 | -true | +false | true == 1 | true is sameas 1 | 1 == 1.0
9223372036854775807 | big + 1
'a' + 'b' | 'a' * 3 | 3 * 'ab' | 'a' * -1 | [1] * 2 | [1] + [2] | (1,) + (2,) | (1, 2) * 2
'a' 'b' "c"
'a' ~ 1 ~ none ~ true ~ 1.0 ~ [1, 'x'] ~ {'a': 1} ~ (1,) ~ missing
1 < 2 < 3 | 1 < 3 < 2 | 3 > 2 >= 2 != 1 | 'a' < 'b' | [1, 2] < [1, 3] | (1,) < (1, 0) | [] < [1]
1 in [1, 2] | 'ell' in s | 'x' not in s | 'b' in d | 1 in (2, 3) | none in [none] | missing in [1] | 'a' in missing
not 1 | not '' | not missing | not [] | not {} | not 0.0 | not none
1 and 2 | 0 and 2 | 0 or 'x' | '' or none | 1 or missing.x
'yes' if n > 5 else 'no' | ('x' if false) | ('x' if false) is defined | 'a' if 0 else 'b' if 0 else 'c'
n is odd | n is even | n is divisibleby 7 | n is divisibleby(2) | m is odd
s is string | n is number | f is float | n is integer | y is boolean | y is integer | y is number | nope is none
l is sequence | l is iterable | d is mapping | s is sequence | d is sequence | n is iterable | missing is sequence | missing is iterable | (1, 2) is sequence | range(3) is sequence | d.items() is sequence
missing is defined | missing is undefined | s is defined | d.zzz is defined | d.b is defined
'abc' is lower | 'ABC' is upper | 'aBc' is lower | '1' is upper | 'ß' is lower
1 is eq 1 | 1 is ne 2 | 1 is lt 2 | 1 is gt 2 | 1 is le 1 | 1 is ge 2 | 1 is in [1] | 1 is sameas 1 | s is sameas s | 'upper' is filter | 'foo' is filter | 'odd' is test | range is callable | s is callable | true is true | 1 is true | false is false
s is not none | s is not string | not s is string
l[0] | l[-1] | l[5] | l[-4] | s[0] | s[-1] | u[4] | u[-1] | d['b'] | d['zzz'] | d[0] | l['x'] | l[true]
l[1:] | l[:-1] | l[::-1] | l[::2] | s[2:5] | s[::-1] | u[::-1] | u[2:9:3] | s[-100:3] | s[5:2] | s[10:0:-3] | (1, 2, 3)[1:] | range(10)[2:8:2] | l[100:] | s[:] | l[-2:] | s[none:3]
d.a.k[1].z | d.a['k'][0] | d.C | d['items'] | users[0].name | users.0.name
d.items()
range(5) | range(2, 5)|list | range(5, 0, -2)|list | range(0)|list | range(3)[1] | range(3)|length | 2 in range(3) | range(4)|last
[1, [2, 'x'], (3,), {}, none, true, 1.0, "it's", 'q"', 'both \' and "', '\n\t\\\x00é']
{'a': 1, 2: 'b', none: true, 1.5: [], (1, 2): 3}
{'a': 1, 'a': 2} | {1: 'a', 1.0: 'b', true: 'c'} | {}['x'] | {'x': 1}.x
() | (1,) | (1, 2) | ((1,), 2)
nested | nested|string | d|string | u|list | [u] | ['\u200b\xa0\xad\ue000😀']
missing | missing|string | [missing] | missing ~ 'x' | missing|length | missing|list | missing|default('d') | missing|d | e|default('d') | e|default('d', true) | nope|default('d') | z|default('d', boolean=true)
missing.x | missing.x|default('no')
missing['x']
missing + 1
missing < 1
missing == missing | missing == none | missing == '' | missing != 1
-missing
missing()
s.foo | s.foo.bar
n.foo | nope.foo | d.foo | l.foo | f.foo is defined
nope.foo.bar
nope[0] | n[0] | n['x']
d.pop | d.pop is defined | l.append is defined
d.pop('b')
l.append(1)
d.update({'x': 1})
l.sort()
d._x | d['_x']
s|upper | s|lower | u|upper | u|lower | u|title | u|capitalize | s|capitalize | 'o\'neil mc-donald (foo) [bar] {baz} <qux>a'|title | u.title() | u.upper() | u.lower() | u.swapcase() | u.casefold() | 'ὈΔΥΣΣΕΎΣ'|lower | 'ﬀ'|upper | 'ŉ'|title
t|trim | t.strip() | t.lstrip() | t.rstrip() | 'xxaxx'|trim('x') | 'xyaxy'.strip('yx') | '\u2003a\xa0'|trim | 'abc'.strip('') | 'abc'.strip(none)
s|replace('l', 'L') | s|replace('l', 'L', 1) | s|replace('', '-') | u|replace('', '.') | 1|replace(1, 2) | s.replace('l', '') | s.replace('l', 'L', 2) | s.replace('', '-', 3) | 'aaa'.replace('aa', 'b') | s.replace('o', '00', -1) | s.replace('o', '0', 0)
s|length | u|length | d|length | l|count | nope|length
n|length
s|first | s|last | l|first | l|last | []|first | []|last | e|first | d|first | d|last | u|last
s|list | d|list | l|list | 5|list
l|join(',') | l|join | w|join('-') | users|join(', ', attribute='name') | s|join('.') | d|join('+') | [1, none, true]|join | [u, 1]|join(u)
l|sort | w|sort | w|sort(case_sensitive=true) | w|sort(reverse=true) | users|sort(attribute='age')|map(attribute='name')|list | users|sort(attribute='age,name', reverse=true)|map(attribute='name')|join | [[2, 1], [1, 2]]|sort | [3, 1.5, true]|sort | d|sort
[1, 'a']|sort
[none, 1]|sort
l|sum | []|sum | users|sum(attribute='age') | [[1], [2]]|sum(start=[]) | [0.1] * 3 | [0.1, 0.2, 0.3]|sum | l|sum(start=10)
['a', 'b']|sum
l|min | l|max | w|min | w|max | w|max(case_sensitive=true) | []|min | users|min(attribute='age') | users|max(attribute='name') | d|max
l|reverse|list | s|reverse | d|reverse|list | range(3)|reverse|list | u|reverse
w|unique|list | w|unique(case_sensitive=true)|list | [1, 1.0, true, 2]|unique|list | users|unique(attribute='age')|map(attribute='name')|list
w|map('upper')|list | users|map(attribute='name')|list | users|map(attribute='city.zip', default='-')|list | users|map(attribute='zip')|list | ['1', 'x']|map('int', default=5)|list | [[1, 2], [3]]|map('first')|list | [[1, 2]]|map(attribute=1)|list | missing|map('upper')|list | [1]|map('string')|map('center', 5)|list
l|map('nosuch')|list
l|map|list
l|map(attribut='x')|list
l|select('odd')|list | l|reject('odd')|list | [0, 1, '', 'x', none]|select|list | [0, 1]|reject|list | l|select('gt', 1)|list | l|select('in', [1, 2])|list | users|selectattr('age', 'gt', 10)|map(attribute='name')|list | users|rejectattr('city')|map(attribute='name')|list | users|selectattr('city', 'defined')|list|length | users|selectattr('name', '==', 'bob')|first
l|select('nosuch')|list
users|selectattr|list
l|batch(2)|list | l|batch(2, 'x')|list | range(7)|slice(3)|list | range(7)|slice(3, 'f')|list | []|batch(2)|list | range(3)|batch(0)|list | range(2)|slice(5)|list
range(3)|slice(0)|list
users|groupby('age')|list|length | users|groupby('age')|map(attribute='grouper')|list | users|groupby('city.zip', default='none')|map('first')|list | w|groupby(0)|list | (users|groupby('name'))[0].list[0].age
d|dictsort | {'b': 1, 'A': 2}|dictsort | {'b': 1, 'A': 2}|dictsort(true) | {'b': 1, 'A': 2}|dictsort(false, 'value') | {'b': 1, 'A': 2}|dictsort(reverse=true)
d|dictsort(by='x')
d|items|list | missing|items|list | d.items()|list | d.keys()|list | d.values()|list | d.keys() | d.values() | d.items()|length | d.get('b') | d.get('x') | d.get('x', 9) | 'b' in d.keys() | d.keys()|first | {}.items()|list | dict(a=1) | dict({'a': 1}, b=2) | dict([('x', 1)]) | d.copy().b | {}.fromkeys([1, 2], 'v')
s|items|list
'3'|int | '3.7'|int | 'x'|int | 'x'|int(9) | '0x1f'|int(base=16) | '1f'|int(0, 16) | 3.9|int | -3.9|int | none|int | true|int | ' 42 '|int | '1_000'|int | '-5'|int | '1e3'|int | '٣'|int | []|int(2) | ''|int | '0b11'|int(base=2) | '0b11'|int(base=0) | '+7'|int
'3.5'|float | 'x'|float | '1e-3'|float | 'inf'|float | '-nan'|float | 3|float | none|float | 'x'|float(1.5) | ' 2 '|float | '1_0.5'|float | '.5'|float | '5.'|float
missing|int
2.5|round | 3.5|round | -2.5|round | 2.567|round(2) | 2.567|round(1, 'floor') | 2.511|round(1, 'ceil') | 7|round | 1234|round(-2) | 1250|round(-2) | 1350|round(-2) | 1234.5|round(-2) | 0.5|round | 2.675|round(2) | 1e300|round(2) | 42.55|round(1) | 15|round(-1) | 25|round(-1) | -15|round(-1)
'x'|round
3|abs | -3|abs | -2.5|abs | true|abs
'x'|abs
'%s and %d' % ('a', 3) | '%s' % 'x' | '%5d|%-5d|%05d|%+d|% d' % (42, 42, 42, 42, 42) | '%.2f|%8.3f|%-8.1f|%08.2f' % (3.14159, 3.14159, 3.14159, 3.14159) | '%x %X %o %#x %#o' % (255, 255, 8, 255, 8) | '%e %E %g %G' % (12345.678, 0.00012, 1e20, 1e-10) | '%r %a' % ('x', 'y') | '%c%c' % ('a', 98) | '%%' % () | '%5s|%-5s|%.2s' % ('ab', 'ab', 'abc') | '%(a)s %(b)05.1f' % {'a': 1, 'b': 2.25} | '%*d' % (5, 3) | '%s' % [1, 2] | '%s' % ([1, 2],) | '%d' % 3.9 | '%s' % none | '%i' % true | '%.0f' % 2.5 | '%s' % u
'%s %s' % 'x'
'%d' % 'x'
'x' % 1
'%s' % ()
'%(a)s' % 1
'%y' % 1
'%' % 1
'Hello %s, %s!'|format('a', 'b') | '%(x)s'|format(x=3) | '%s'|format([1])
'{} {}'.format('a', 1) | '{0}{1}{0}'.format('a', 'b') | '{x}-{y}'.format(x=1, y=[2]) | '{{}}'.format() | '{:>5}|{:<5}|{:^5}|{:*^7}'.format('a', 'b', 'c', 'd') | '{:5}|{:05}|{:+}|{:,}|{:_}|{:x}|{:#x}|{:b}|{:08b}|{:o}|{:e}|{:.3f}|{:%}|{:g}'.format(42, 42, 42, 1234567, 1234567, 255, 255, 5, 5, 8, 12345.678, 3.14159, 0.256, 1e10) | '{!r}'.format('x') | '{0[a]}'.format({'a': 1}) | '{0[1]}'.format([1, 2]) | '{:{}}'.format('x', 5) | '{:.2}'.format('abc') | '{:10.4f}|{:<10.2f}|{:^10.1f}'.format(1.5, 2.25, 3.0) | '{:d}'.format(true) | '{}'.format(true) | '{:s}'.format('x') | '{:,.2f}'.format(1234567.891) | '{:c}'.format(97) | '{0.x}'.format({'x': 1})
'{}'.format()
'{a}'.format(b=1)
'{:d}'.format('x')
'{'.format(1)
'{:5}'.format(none)
'{:.1f}'.format(none)
'{:05}|{:=+8}|{:>+8.2f}|{: }'.format(-42, 42, 3.14159, 7) | '{:10}|{:<10}'.format(3, 3.5) | '{:.3}|{:.10}'.format(1.0, 1/3) | '{:#o}|{:X}'.format(8, 255)
'a,b,,c'.split(',') | 'a b  c '.split() | '  a b  c '.split(none, 1) | 'a,b,c'.split(',', 1) | 'a,b,c'.rsplit(',', 1) | ' a b  c '.rsplit(none, 1) | ''.split() | ''.split(',') | 'abc'.split('bc') | 'a--b--c'.split('--')[-1] | 'x'.split('x') | 'a b'.split(maxsplit=0) | ' a '.split(none, 0) | 'aXbXc'.split(sep='X', maxsplit=1) | 'aaa'.rsplit('aa')
'abc'.split('')
lines.splitlines() | lines.splitlines(true) | ''.splitlines() | '\n'.splitlines() | 'a\r\rb'.splitlines()
s.startswith('He') | s.startswith(('x', 'He')) | s.endswith('ld') | s.startswith('l', 2) | s.startswith('', 100) | s.endswith('o', 0, 5) | u.startswith('ü', 2) | s.startswith('')
s.startswith(1)
s.find('o') | s.find('o', 5) | s.rfind('o') | s.find('zz') | s.index('W') | u.find('ß') | s.count('l') | s.count('l', 3, 5) | s.count('') | s.find('') | s.find('', 100) | u.count('ß') | s.rfind('')
s.index('zz')
s.upper() | s.capitalize() | s.center(20, '*') | s.ljust(15, '.') ~ '|' | s.rjust(15) | '42'.zfill(5) | '-42'.zfill(5) | '+'.zfill(3) | s.partition(', ') | s.rpartition('o') | s.partition('zz') | s.rpartition('zz') | 'a\tb\tc'.expandtabs(4) | s.removeprefix('Hello') | s.removesuffix('ld') | s.removeprefix('x') | 'abc'.center(6) ~ '|' | 'abc'.center(7, '-') | 'ab'.center(5, '-')
', '.join(['a', 'b']) | ''.join(w) | '-'.join('abc') | ','.join({'x': 1, 'y': 2})
', '.join([1])
'123'.isdigit() | '1a'.isdigit() | ''.isdigit() | '²'.isdigit() | '²'.isdecimal() | '½'.isnumeric() | 'abc'.isalpha() | 'ab1'.isalnum() | ' \t'.isspace() | 'aB'.islower() | 'AB'.isupper() | 'Ab Cd'.istitle() | 'a_1'.isidentifier() | '1a'.isidentifier() | 'é'.isascii() | 'a\n'.isprintable() | '漢'.isalpha() | 'Ⅷ'.isnumeric() | 'ⓐ'.islower() | 'ª'.isalpha()
l.index(1) | l.count(3) | (1, 2).index(2) | l.copy() | nested.index([1, 2])
l.index(9)
s.nosuch()
n()
'a' + 1
1 + 'a'
[] + ()
none + 1
d + d
1 < 'a'
none < 1
{} < {}
1 in 5
1 in 'a'
{[]: 1}
d[[]]
1 / 0
1 // 0
1 % 0
1.0 / 0
0 ** -1
l[::0]
l['a':]
'a' is divisibleby 2
t|tojson | u|tojson | d|tojson | nested|tojson | 1.0|tojson | 1e100|tojson | none|tojson | true|tojson | html|tojson | '\x00\x1f\x7f\u2028/'|tojson | (1, 2)|tojson | {1: 1, true: 2, none: 3, 1.5: 4}|tojson | 'inf'|float|tojson | []|tojson | {}|tojson | big|tojson | 'x'|escape|tojson
d|tojson(indent=2) | nested|tojson(indent=4) | []|tojson(indent=2) | {'a': []}|tojson(indent=1) | d|tojson(sort_keys=true) | u|tojson(ensure_ascii=true) | l|tojson(separators=(',', ':')) | d|tojson(indent='--') | d|tojson(true) | d|tojson(indent=0) | d|tojson(separators=(', ', ': '), indent=2) | {'b': 1, 'a': 2}|tojson(none, sort_keys=true)
missing|tojson
range(3)|tojson
{(1,): 2}|tojson
{'a': 1, 2: 3}|tojson(sort_keys=true)
html|escape | html|e|e | html|forceescape | html|safe | html|safe|escape | ('<'|e) + '<' | '<' + ('>'|e) | ('<'|e) ~ '<' | ('%s'|e) % '<' | 'x'|e is escaped | ('a'|safe) * 2 | ('<'|e)|replace('&', '+') | ('<b>'|safe).upper() | [html|safe] | ('x'|e)|upper is escaped | html|e|length | html|safe|trim|e
'a b/c?d=e&ü'|urlencode | {'a b': 'c/d', 'x': 1}|urlencode | [('k', 'v w')]|urlencode | 42|urlencode | '~-_.'|urlencode
{'class': 'x', 'id': none, 'data': '<'}|xmlattr | {'a': 1}|xmlattr(false) | {}|xmlattr
{'a b': 1}|xmlattr
s|truncate(5) | s|truncate(9, true) | s|truncate(8, false, '..', 0) | s|truncate(3) | s|truncate(20) | s|truncate(9, true, '', 0) | u|truncate(12, leeway=0)
s|truncate(2)
lines|indent | lines|indent(2, true) | lines|indent(2, blank=true) | lines|indent('> ') | ''|indent | s|indent(first=true) | 'a\n'|indent ~ '|' | 'a\n\n'|indent(1, true, true)
n|indent
'a b c d e f g hello'|wordwrap(5) | 'longwordhere x'|wordwrap(4) | 'longwordhere x'|wordwrap(4, false) | 'well-known fact-finding'|wordwrap(8) | 'a\nb c d'|wordwrap(3, wrapstring='|') | 'well-known'|wordwrap(7, true, none, false) | 'x -- y--z foo-bar-baz'|wordwrap(6) | '  lead  and  trail  '|wordwrap(6)
s|wordcount | u|wordcount | 'a-b c_d 1.5'|wordcount
s|center(20) | s|center(3)
1000|filesizeformat | 1|filesizeformat | 0|filesizeformat | 1024|filesizeformat(true) | 123456789|filesizeformat | 999|filesizeformat | 1e30|filesizeformat | '5'|filesizeformat
d|attr('b') | d|attr('items') is defined | s|attr('upper') is defined | n|attr('x') is defined
'\x41\u00e9\U0001F642\101\n\'\"\\\a'|list
'\q\é\-'
"a\
b"
[1, 2,] | {'a': 1,} | (1, 2,)
1 if true | 1 if true else 2 if false else 3
(n) | ((n)) | -n | --n | -n|abs | -1.5|abs | not not n | - n + 1
n|string|length|string ~ 'x'
s|upper|lower|title
'a'~'b'|upper
1 + 1|string
n is number and n > 3 or false
loop is defined
namespace(a=1).a | namespace({'x': 2}).x | namespace(a=1)['a'] | namespace().q is defined
namespace(_a=1).b
cycler('a', 'b').next() | cycler(1).current
cycler()
joiner('|')() ~ 'x'
strftime_now('%Y-%m-%d %H:%M:%S %A %B %j %d %b %p %f %% %z') | strftime_now('')
raise_exception('no: ' ~ n)
dict is callable
range(100001)|length
range('a')
range(1, 2, 0)
range(2)[-3::4] | range(10)[8:2:-2] | range(5).index(3) | range(5).count(9)
[]|batch('x')|list | (1, 2)|batch(true)|list | 'abc'|batch(2, '-')|map('join')|list
5|batch(2)|list
nope|sum('x')
dict(1)
s|nosuch
s is nosuch
s|center(-5) | s.center(-5) | s.zfill(-1) | 'x' * -5
[1, 2, 3]|sum ** 2
((1, 2), (3, 4))[1][0]
{'a': {'b': {'c': 1}}}.a.b.c
''['__class__']
''['__class__']['__mro__']
().__class__.__bases__
namespace.__init__.__globals__
1..real
'a'.'b'
"""

TEMPLATES = [
    # white space
    "a\n{% if true %}\nb\n{% endif %}\nc\n",
    "  {% if true %}  \n  b  {% endif %}  \n c",
    "a  {%- if true -%}  b  {%- endif -%}  c",
    "a  {{- 'x' -}}  b  {{+ 'y' }} c",
    "a\n  {%+ if true %}x{%+ endif %}\n",
    "a\n   {%+ if true +%}\n  x\n {% endif +%}\n b",
    "  {# comment #}  \n  x {#- c -#}  y\n {# a\n b #}\nz",
    "{# c +#}\nx{# d -#}\n  y",
    "{% raw %}{{ x }} {% if %}{% endraw %}",
    "  {% raw %}\n  {{ x }}\n  {% endraw %}\n y",
    "a {%- raw -%}  x  {%- endraw -%}  b",
    "{% raw %}a{% endraw -%}   b",
    "x{% if true %}\n\n{% endif %}\n\n\ny",
    "a\r\nb\rc\n{{ 'd' }}\r\n",
    "{{ 1 }}\n",
    "{{ 1 }}\n\n",
    "\n",
    "",
    "{",
    "{ {",
    "{%",
    "{{",
    "{#",
    "{# x",
    "}}",
    "{{ }}",
    "{% %}",
    "{{ {'a': {'b': 1}}['a']['b'] }}",
    "{{ {'}}': '%}'}['}}'] }}",
    "\u2003{%- if true %}x{% endif -%}\u2003y",
    "{% if true %}  {{ 'x' }}\n  {% endif %}\n",
    "    {% set x = 1 %}\n    {% set y = 2 %}\n  {{ x + y }}",
    "{%- for i in range(3) -%}\n  {{ i }}\n{%- endfor -%}",
    "{%if true%}x{%endif%}",
    "{%- if true %}\tx{%- endif %}",
    # if
    "{% if n > 5 %}a{% elif n > 3 %}b{% else %}c{% endif %}",
    "{% if missing %}a{% elif e %}b{% else %}c{% endif %}",
    "{% if n, %}x{% endif %}",
    "{% if true: %}x{% endif %}",
    "{% if true %}",
    "{% if true %}{% endfor %}",
    "{% endif %}",
    "{% else %}",
    "{% foo %}",
    "{% if false %}{{ s|nosuch }}{% endif %}ok",
    "{% if false %}{{ s is nosuch }}{% endif %}ok",
    "{% if true %}{{ s|nosuch }}{% endif %}",
    "{{ s|nosuch if false else 'x' }}",
    "{{ 'x' if true else s|nosuch }}",
    "{% if false %}{% for x in l %}{{ x|nosuch }}{% endfor %}{% endif %}",
    "{% for x in [] %}{{ x|nosuch }}{% endfor %}",
    # for
    "{% for x in l %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.depth }}{{ loop.depth0 }} {% endfor %}",
    "{% for x in l %}{{ loop.previtem|default('-') }}{{ x }}{{ loop.nextitem|default('-') }} {% endfor %}",
    "{% for x in l %}{{ loop.cycle('a', 'b') }}{% endfor %}",
    "{% for x in [1, 1, 2] %}{{ loop.changed(x) }}{% endfor %}",
    "{% for x in [] %}a{% else %}b{% endfor %}",
    "{% for x in l %}{% continue %}{% else %}none{% endfor %}",
    "{% for x in l %}{% break %}{% else %}none{% endfor %}",
    "{% for x in l %}{% if x == 1 %}{% continue %}{% endif %}{{ x }}{% endfor %}",
    "{% for x in l %}{% if x == 1 %}{% break %}{% endif %}{{ x }}{% endfor %}",
    "{% for x in range(10) if x is odd %}{{ x }}:{{ loop.index }}/{{ loop.length }} {% endfor %}",
    "{% for x in l if x > 100 %}x{% else %}none{% endfor %}",
    "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}",
    "{% for k in d %}{{ k }}{% endfor %}",
    "{% for c in u %}{{ c }}|{% endfor %}",
    "{% for a, b in [[1, 2], (3, 4), 'xy'] %}{{ a }}{{ b }} {% endfor %}",
    "{% for a, (b, c) in [[1, [2, 3]]] %}{{ a }}{{ b }}{{ c }}{% endfor %}",
    "{% for a, b in [[1, 2, 3]] %}x{% endfor %}",
    "{% for a, b in [[1]] %}x{% endfor %}",
    "{% for a in 5 %}x{% endfor %}",
    "{% for a in none %}x{% endfor %}",
    "{% for a in missing %}x{% else %}empty{% endfor %}",
    "{% for a, in [[1]] %}{{ a }}{% endfor %}",
    "{% for x in l recursive %}{{ x }}{% endfor %}",
    "{% for x in [1, [2, [3]]] recursive %}{% if x is iterable %}({{ loop(x) }}){% else %}{{ x }}@{{ loop.depth }}{% endif %}{% endfor %}",
    "{% for x in [{'n': 1, 'c': [{'n': 2, 'c': []}]}] recursive %}{{ x.n }}{% if x.c %}[{{ loop(x.c) }}]{% endif %}{% endfor %}",
    "{% for x in l %}{{ loop(x) }}{% endfor %}",
    "{% for x in l %}{% for y in l %}{{ loop.index }}{% endfor %}{{ loop.index }} {% endfor %}",
    "{% for x in l %}{% set outer = loop %}{% for y in l %}{{ outer.index }}{{ loop.index }} {% endfor %}{% endfor %}",
    "{% for loop in l %}{% endfor %}",
    "{% for x in l %}{% set loop = 1 %}{% endfor %}",
    "{% for x in l %}{{ x }}{% endfor %}{{ x }}",
    "{% set x = 9 %}{% for x in l %}{{ x }}{% endfor %}{{ x }}",
    "{% for x in l|map('string') %}{{ x }}{{ loop.last }}{{ loop.length }}{% endfor %}",
    "{% for x in l|select %}{{ loop.length }}{{ loop.revindex }}{{ loop.nextitem }}{% endfor %}",
    "{% for x in (1, 2), 3 %}{{ x }}{% endfor %}",
    "{% for x in l %}{{ loop }}{% endfor %}",
    "{% for x in range(3) if loop.index %}{{ x }}{% endfor %}",
    "{% set ns = namespace(go=true) %}{% for x in range(5) if ns.go %}{{ x }}{% if x == 2 %}{% set ns.go = false %}{% endif %}{% endfor %}",
    "{% break %}",
    "{% continue %}",
    "{% for x in l %}{% macro m() %}{% break %}{% endmacro %}{% endfor %}",
    "{% for x in l %}{% set y %}{{ x }}{% if x == 1 %}{% break %}{% endif %}{% endset %}{{ y }}{% endfor %}",
    "{% set g = l|map('string') %}{% for x in g %}{{ x }}{% endfor %}-{% for x in g %}{{ x }}{% endfor %}",
    "{% set it = l|reverse %}{{ it|first }}{{ it|list }}",
    # set and scopes
    "{% set x = 1 %}{% for i in l %}{{ x }}{% set x = i %}{{ x }} {% endfor %}{{ x }}",
    "{% for i in l %}{{ x }}{% set x = i %}{{ x }} {% endfor %}[{{ x }}]",
    "{% for i in l %}{% if i == 1 %}{% set x = i %}{% endif %}{{ x }}-{% endfor %}",
    "{% for i in l %}{% if i == 1 %}{% set s = i %}{% endif %}{{ s }}-{% endfor %}",
    "{% if true %}{% set x = 1 %}{% endif %}{{ x }}",
    "{% if false %}{% set s = 1 %}{% endif %}{{ s }}",
    "{% if false %}{% set q = 1 %}{% else %}{% set q = 2 %}{% endif %}{{ q }}",
    "{% set n = n + 1 %}{{ n }}",
    "{% set a, b = 1, 2 %}{{ a }}{{ b }}",
    "{% set a, b = 'xy' %}{{ a }}{{ b }}",
    "{% set a, b = [1] %}",
    "{% set a = 1, 2 %}{{ a }}",
    "{% set (a, b) = [1, 2] %}{{ a ~ b }}",
    "{% set ns = namespace(x=1) %}{% for i in l %}{% set ns.x = ns.x + i %}{% endfor %}{{ ns.x }}",
    "{% set ns = namespace() %}{% set ns.a, ns.b = 1, 2 %}{{ ns.a }}{{ ns.b }}",
    "{% set d.x = 1 %}",
    "{% set missing.x = 1 %}",
    "{% set ns = namespace() %}{% set ns._x = 1 %}",
    "{% set x %}a{{ n }}b{% endset %}{{ x }}|{{ x|length }}",
    "{% set x | upper | replace('A', '-') %}abc{% endset %}{{ x }}",
    "{% set x %}{% set y = 5 %}{{ y }}{% endset %}{{ x }}{{ y }}",
    "{% set x = x %}{{ x }}",
    "{% set true = 1 %}",
    "{% set 1 = 1 %}",
    "{% set x = %}",
    "{% set %}",
    "{% set x = 1 %}{% macro m() %}{{ x }}{% endmacro %}{% set x = 2 %}{{ m() }}",
    "{% macro m() %}{% set x = 5 %}{{ x }}{% endmacro %}{% set x = 2 %}{{ m() }}{{ x }}",
    "{% with a = 1, b = n %}{{ a }}{{ b }}{% endwith %}[{{ a }}]",
    "{% with a = 1 %}{% with a = a + 1 %}{{ a }}{% endwith %}{{ a }}{% endwith %}",
    "{% with %}{% set q = 1 %}{{ q }}{% endwith %}[{{ q }}]",
    "{% with a, b = (1, 2) %}{{ b }}{% endwith %}",
    "{% set x = 1 %}{% with %}{% set x = 2 %}{{ x }}{% endwith %}{{ x }}",
    "{% for i in l %}{% with j = i * 2 %}{{ j }}{% endwith %}{% endfor %}",
    "{% filter upper %}a{{ s }}b{% endfilter %}",
    "{% filter replace('a', 'b')|upper %}aXa{% endfilter %}",
    "{% filter nosuch %}x{% endfilter %}",
    "{% filter trim %}  {% set k = 1 %}{{ k }} {% endfilter %}[{{ k }}]",
    "{% print n, s %}",
    "{% autoescape false %}{{ html }}{% endautoescape %}",
    "{{ a }}{% block x %}{{ n }}{% set a = 3 %}{{ a }}{% endblock %}{{ a }}",
    "{% set q = 1 %}{% block x %}{{ q }}{% endblock %}",
    "{% for i in l %}{% block x scoped %}{{ i }}{% endblock %}{% endfor %}",
    "{% for i in l %}{% block x %}[{{ i }}]{% endblock %}{% endfor %}",
    "{% block x %}{% endblock x %}{% block x %}{% endblock %}",
    # macros
    "{% macro m(a, b=2, c='x') %}{{ a }}{{ b }}{{ c }}{% endmacro %}{{ m(1) }}|{{ m(1, c=3) }}|{{ m(a=5, b=6) }}|{{ m() }}",
    "{% macro m(a, b=a) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }}",
    "{% macro m(a=b, b=1) %}[{{ a }}]{{ b }}{% endmacro %}{{ m() }}",
    "{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, x=3) }}",
    "{% macro m(a) %}{{ a }}{{ varargs|join('-') }}{% endmacro %}{{ m(1, 2, 3) }}",
    "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}",
    "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(b=2) }}",
    "{% macro m(a, a) %}{% endmacro %}",
    "{% macro m(a=1, b) %}{% endmacro %}",
    "{% macro m(a) %}{{ a.x }}{% endmacro %}{{ m() }}",
    "{% macro m() %}{{ caller() }}{% endmacro %}{% call m() %}in{{ n }}{% endcall %}",
    "{% macro m() %}{{ caller(1, b=2) }}{% endmacro %}{% call(a, b) m() %}{{ a }}{{ b }}{% endcall %}",
    "{% macro m() %}{{ caller is defined }}{% endmacro %}{{ m() }}",
    "{% macro m() %}x{% endmacro %}{% call m() %}{% endcall %}",
    "{% macro m(caller) %}{{ caller() }}{% endmacro %}",
    "{% macro m(n) %}{% if n > 0 %}{{ n }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(4) }}",
    "{% macro m(x) %}{% for i in x %}{% if i is iterable %}[{{ m(i) }}]{% else %}{{ i }}{% endif %}{% endfor %}{% endmacro %}{{ m([1, [2, [3]]]) }}",
    "{% macro m() %}{% endmacro %}{{ m.name }}{{ m.arguments }}{{ m.catch_kwargs }}{{ m }}",
    "{{ m() }}{% macro m() %}x{% endmacro %}",
    "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}B{% endmacro %}{{ a() }}",
    "{% for i in l %}{% macro m() %}{{ i }}{% endmacro %}{{ m() }}{% endfor %}",
    "{% macro m() %}{{ loop }}{% endmacro %}{% for i in l %}{{ m() }}{% endfor %}",
    "{% macro outer(x) %}{% macro inner() %}{{ x }}{% endmacro %}{{ inner() }}{{ inner() }}{% endmacro %}{{ outer(3) }}",
    "{% macro m(x) %}{{ x }}{% endmacro %}{{ m(*[1]) }}{{ m(**{'x': 2}) }}",
    "{% macro m(x) %}{{ x }}{% endmacro %}{{ m(1, x=2) }}",
    "{% macro m() -%}  a  {%- endmacro %}[{{ m() }}]",
    "{% macro m(a) %}{{ a|upper }}{% endmacro %}{{ [m('x'), m('y')]|join }}",
    "{% set f = range %}{{ f(3)|list }}",
    "{{ l|map('string')|join }}{{ l|map('upper') is defined }}",
    "{% macro m(kwargs) %}{{ kwargs }}{% endmacro %}{{ m(1) }}",
    "{% set x = namespace(m=none) %}{% macro m() %}hi{% endmacro %}{% set x.m = m %}{{ x.m() }}",
    # generation, tags that are not there
    "{% generation %}a{{ n }}{% endgeneration %}b",
    "{% for i in l %}{%- generation -%} {{ i }}{% set k = i %} {%- endgeneration -%}[{{ k }}]{% endfor %}",
    "{% for i in l %}{% generation %}{% break %}{% endgeneration %}{% endfor %}",
    "{% include 'x' %}",
    "{% import 'x' as y %}",
    "{% from 'x' import y %}",
    "{% extends 'x' %}",
    # syntax errors
    "{{ 1 + }}",
    "{{ (1 }}",
    "{{ 1) }}",
    "{{ [1, }}",
    "{{ {'a' 1} }}",
    "{{ {'a': 1 }}",
    "{{ 'abc }}",
    "{{ a b }}",
    "{{ a. }}",
    "{{ a[ }}",
    "{{ a[] }}",
    "{{ l[1:2, 3] }}",
    "{{ x is y is z }}",
    "{{ s is string is string }}",
    "{{ f(a=1, 2) }}",
    "{{ f(a=1, a=2) }}",
    "{{ @ }}",
    "{{ a ? b }}",
    "{{ '\\x4' }}",
    "{{ '\\u12' }}",
    "{{ '\\' }}",
    "{{ 1 == }}",
    "{{ not }}",
    "{{ a | }}",
    "{{ | a }}",
    "{{ 5|string.x }}",
    "{{ \u00fc\u00f1\u00ef }}{{ '\u00fc' }}",
    "{% set \u00fc = 1 %}{{ \u00fc }}",
    "{{ 1 if }}",
    "{{ 1 else 2 }}",
    "{% for %}{% endfor %}",
    "{% for x %}{% endfor %}",
    "{% for x in %}{% endfor %}",
    "{% if %}{% endif %}",
    "{% macro %}{% endmacro %}",
    "{% macro m %}{% endmacro %}",
    "{% call x %}{% endcall %}",
    "{% raw %}x",
    "{{ 08 }}",
    "{{ 1__0 }}",
    "{{ 0x }}",
    "{{ 1.5.3 }}",
    "{{ 1. }}",
    "{{ 1.e5 }}",
    "{{ 1e5 }}{{ 1E+2 }}",
    "{{ 'a'if true else'b' }}",
    "{{ l[0]if true }}",
    "{{ 1if true else 2 }}",
    "{{ true.x }}{{ True }}{{ None }}{{ none }}",
    "{{ - 'a' }}",
    "{{ n ; }}",
    "{{ n.0 }}{{ l.0 }}{{ l.0.x }}",
]


def templates():
    """Every probe: the templates, and the expressions each between | marks."""
    for line in EXPRESSIONS.strip("\n").split("\n"):
        parts = [line] if "|" in line.replace(" | ", "") and " | " not in line else line.split(" | ")
        for part in parts:
            yield "{{ " + part + " }}"
    yield from TEMPLATES
