// The calls of chapter 1, as things to await.
#pragma once

#include "../05_a_coroutine_by_hand/coroutine.hpp"

namespace tour {

struct io_error {
  const char* call;
  int number;  // errno
};

// Awaited, it begins the operation. Gives its result, or throws an io_error.
struct io_call : completion {
  io_call(operation_loop& l, const operation& op, const char* n) : completion(l, op), name_of(n) {}
  ssize_t await_resume() const {
    if (result < 0) throw io_error{name_of, static_cast<int>(-result)};
    return result;
  }
  const char* name_of;
};

inline io_call connect(operation_loop& loop, int fd, const sockaddr_in& to) {
  return {loop, {.what = kind::connect, .fd = fd, .name = to}, "connect"};
}
inline io_call send(operation_loop& loop, int fd, const char* data, std::size_t size) {
  return {loop, {.what = kind::send, .fd = fd, .data = data, .size = size}, "send"};
}
inline io_call recv(operation_loop& loop, int fd, char* buffer, std::size_t size) {
  return {loop, {.what = kind::recv, .fd = fd, .buffer = buffer, .size = size}, "recv"};
}

}  // namespace tour
