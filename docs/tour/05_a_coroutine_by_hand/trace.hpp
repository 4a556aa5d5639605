// What happened, step by step, so that two programs can be compared.
#pragma once

#include <string>
#include <vector>

namespace tour {

using trace = std::vector<std::string>;

// What is written to by log(), until another one is chosen.
inline trace* current_trace = nullptr;

inline void log(const std::string& step) {
  if (current_trace != nullptr) current_trace->push_back(step);
}

// A local whose life can be seen.
class noisy {
 public:
  explicit noisy(const char* name) : name_(name) { log(std::string(name_) + " is there"); }
  noisy(const noisy&) = delete;
  ~noisy() { log(std::string(name_) + " goes"); }

 private:
  const char* name_;
};

}  // namespace tour
