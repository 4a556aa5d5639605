// What the system knows of a file.
//
//   file_status s = f.status();
//   if (s.what == file_status::type::regular) co_await send_file(stream, f, 0, s.size);
#pragma once

#include <rondo/runtime/core/clock.hpp>

#include <sys/types.h>

#include <cstdint>

namespace rondo::net {

// What is known of a file (stat(2)).
struct file_status {
  enum class type : std::uint8_t { regular, directory, other };
  type what = type::other;
  mode_t permissions = 0;
  std::uint64_t size = 0;  // bytes, of a regular file
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::chrono::sys_time<std::chrono::nanoseconds> modified{};
};

}  // namespace rondo::net
