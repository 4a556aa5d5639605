// `rondo ps`, `rondo top` and `rondo stalls`: a running program seen through its inspect socket.
#pragma once

#include <rondo/runtime/task.hpp>

#include <nlohmann/json.hpp>

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace rondo::tools {

inline constexpr std::string_view inside_exit_codes =
    "Exit code:\n"
    "  0  it answered\n"
    "  2  no program answers there: it runs without RONDO_INSPECT, or has ended";

// The lines that a program's inspect socket answers `word` with. `where`: the socket's path, or a
// process id. Throws std::system_error, std::runtime_error.
task<std::vector<nlohmann::json>> ask_inside(std::string where, std::string word);

// What `rondo ps` prints: the tree of each loop's tasks, and which of them wait for each other in a
// circle.
std::string tasks_text(const std::vector<nlohmann::json>& lines);
// What `rondo stalls` prints.
std::string stalls_text(const std::vector<nlohmann::json>& lines);

// What `rondo top` shows, from one look to the next.
class top_view {
 public:
  // A page of `rows` lines of `columns` at most. `seconds` since the look before.
  std::string page(const std::vector<nlohmann::json>& lines, double seconds, std::size_t rows,
                   std::size_t columns);

 private:
  struct group {
    std::size_t tasks = 0;
    double busy_us = 0;
    double steps = 0;
    double oldest_us = 0;
  };
  std::map<std::string, group> before_;
  std::map<std::string, std::size_t> first_;  // how many there were when it was seen first
  std::map<long, std::pair<double, double>> loops_before_;
  bool looked_ = false;
};

struct top_options {
  std::string where;
  double every_s = 1;
  std::size_t looks = 0;  // 0: until it is ended
  bool plain = false;     // pages one after the other, for a file
};
task<int> top(top_options o);

}  // namespace rondo::tools
