// What is one number, and what is none.
#include "../../stage/check.hpp"

#include EXERCISE

namespace {

std::string shown(const std::vector<std::string>& values) {
  std::string text;
  for (const std::string& v : values) text += (text.empty() ? "\"" : " and \"") + v + "\"";
  return text;
}

}  // namespace

int main() {
  const std::vector<std::pair<std::vector<std::string>, std::uint64_t>> good = {
      {{"0"}, 0},
      {{"42"}, 42},
      {{"010"}, 10},
      {{"5", "5"}, 5},
      {{"5, 5"}, 5},
      {{"5,5", "5"}, 5},
      {{"18446744073709551615"}, 18446744073709551615U}};
  for (const auto& [values, length] : good)
    tour::check(tour::length_of(values) == length, "%s is %llu to everybody, and not to it",
                shown(values).c_str(), static_cast<unsigned long long>(length));
  const std::vector<std::vector<std::string>> bad = {
      {"5", "6"}, {"5, 6"}, {"+5"},  {"-5"}, {"0x10"}, {"5 "},  {"5a"},
      {""},       {"five"}, {"5;6"}, {"5,"}, {",5"},   {"5 6"}, {"18446744073709551616"},
      {"5", ""},  {"\v5"}};
  for (const auto& values : bad)
    tour::check(!tour::length_of(values), "%s can be read in two ways, and it took it",
                shown(values).c_str());
  std::puts("one length, or none");
}
