#include <rondo/http/http2/native_memory.hpp>
#include <rondo/runtime/core/frame_pool.hpp>

#include <algorithm>
#include <cstring>
#include <new>

namespace rondo::http::detail {
namespace {

// What stands before each block of libnghttp2's. A stream and its frames take a dozen small blocks,
// and a hundred streams are open at once: the frame pool has them at hand, where malloc would join
// and part them again and again.
struct alignas(std::max_align_t) native_block : rondo::detail::list_node {
  std::size_t size = 0;

  void* bytes() noexcept { return this + 1; }
  static native_block& of(void* p) noexcept { return *(static_cast<native_block*>(p) - 1); }
};

void release_block(native_block& b) noexcept {
  rondo::detail::release_frame(&b, sizeof(native_block) + b.size);
}

}  // namespace

void* http2_memory::allocate(std::size_t size, void* user) {
  auto& memory = *static_cast<http2_memory*>(user);
  try {
    auto* const block =
        new (rondo::detail::allocate_frame(sizeof(native_block) + size)) native_block;
    block->size = size;
    memory.blocks.push_back(*block);
    return block->bytes();
  } catch (const std::bad_alloc&) {
    memory.ran_out = true;
    return nullptr;
  }
}
void http2_memory::release(void* p, void* /*user*/) {
  if (p == nullptr) return;
  native_block& block = native_block::of(p);
  block.unlink();
  release_block(block);
}
void* http2_memory::allocate_zeroed(std::size_t count, std::size_t size, void* user) {
  void* const p = allocate(count * size, user);
  if (p != nullptr) std::memset(p, 0, count * size);
  return p;
}
void* http2_memory::reallocate(void* p, std::size_t size, void* user) {
  void* const grown = allocate(size, user);
  if (p == nullptr || grown == nullptr) return grown;
  std::memcpy(grown, p, std::min(native_block::of(p).size, size));
  release(p, user);
  return grown;
}

http2_memory::~http2_memory() {
  while (rondo::detail::list_node* const b = blocks.pop_front())
    release_block(static_cast<native_block&>(*b));
}

}  // namespace rondo::http::detail
