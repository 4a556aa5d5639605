// Starting a program: clone(2), and what the child does before execve(2). Internal.
#pragma once

#include <rondo/net/parts/owned_descriptor.hpp>

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

namespace rondo::net::detail {

struct launch {
  std::vector<std::string> arguments;    // not empty; the first is the program
  std::vector<std::string> environment;  // "NAME=value"
  std::string directory;                 // empty: ours
  // Ours and its; all else is closed. Its are distinct.
  std::vector<std::pair<int, int>> descriptors;
  bool own_group = false;
  int terminal = -1;  // its descriptor that is the terminal of a session of its own; -1: none
};

struct launched {
  pid_t pid = 0;
  owned_descriptor pidfd;
};

// Throws std::system_error that says what failed.
launched start_program(const launch& l);

// Throws std::system_error when the kernel has no pidfds that can be waited for (Linux 5.4), or the
// program has asked it not to keep the status of children.
void want_pidfds(const std::string& program);

struct ending {
  bool ended = false;
  bool by_signal = false;
  int number = 0;  // exit code or signal
};
// Reaps it if it has ended, without waiting. 0 or a negative errno.
int reap_if_ended(int pidfd, ending& e) noexcept;

}  // namespace rondo::net::detail
