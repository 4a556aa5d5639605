// What libnghttp2 allocates. Internal.
#pragma once

#include <rondo/runtime/core/intrusive_list.hpp>

#include <cstddef>

namespace rondo::http::detail {

// What libnghttp2 has allocated for a session: from the pool that coroutine frames come from, so
// that what counts or refuses those does the same to it.
struct http2_memory {
  http2_memory() = default;
  http2_memory(const http2_memory&) = delete;
  http2_memory& operator=(const http2_memory&) = delete;
  ~http2_memory();  // releases what is left

  // What it calls (nghttp2_mem): `user` is the memory.
  static void* allocate(std::size_t size, void* user);
  static void release(void* p, void* user);
  static void* allocate_zeroed(std::size_t count, std::size_t size, void* user);
  static void* reallocate(void* p, std::size_t size, void* user);

  rondo::detail::intrusive_list<rondo::detail::list_node> blocks;
  bool ran_out = false;
};

}  // namespace rondo::http::detail
