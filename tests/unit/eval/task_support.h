#pragma once

#include <nalar/eval.h>

#include <fstream>
#include <string>

#include "support/material.h"

namespace nalar::eval {

inline TaskOptions task_at(const std::string& path) {
  TaskOptions options;
  options.task = path;
  return options;
}
inline TaskOptions golden_task(const std::string& name) {
  return task_at(test::golden("eval/" + name + ".json"));
}

// A task file of these fields over these rows.
inline Task task_over(const std::string& fields, const std::string& file, const std::string& rows,
                      int shots = 0) {
  const std::string folder = test::temporary_folder();
  std::ofstream(folder + "/t.json")
      << "{\"task\": \"t\", \"data\": \"" << file << "\", " << fields << "}";
  std::ofstream(folder + "/" + file) << rows;
  TaskOptions options = task_at(folder + "/t.json");
  options.shots = shots;
  return Task(options);
}

}  // namespace nalar::eval
