#pragma once

#include <nalar/model.h>

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "convert/form_tensor.h"

// What a model's files hold that is no tensor of the model.
namespace nalar::convert {

// Of Model::unknown_tensors(): they stay what they are, under their names.
std::set<std::string_view> unknown_names(const Model& model);

// Appends them to the tensors of a form that was made of the model's own. Errors: bad_data for a
// name that the form has already.
void add_unknown_tensors(const Model& model, std::vector<FormTensor>& tensors);

// What neither the model nor its keys are made of, counted by the first word of the name:
// "93 tensors vision_tower.…".
std::vector<std::string> tensors_left_out(const Model& model);

}  // namespace nalar::convert
