// Buffers that are lent while bytes are there to be read, so that an idle connection holds none.
//
//   void* b = pool.take();     // nullptr: no memory
//   …                          // buffer_size bytes
//   pool.give_back(b);
//
// The last one given back is the first one taken: it is the warmest. What was once allocated is
// kept.
#pragma once

#include <cassert>
#include <cstddef>
#include <memory>
#include <new>
#include <vector>

namespace rondo::detail {

class buffer_pool {
 public:
  static constexpr std::size_t buffer_size = 4096;

  buffer_pool() = default;
  buffer_pool(const buffer_pool&) = delete;
  buffer_pool& operator=(const buffer_pool&) = delete;
  ~buffer_pool() = default;

  void* take() noexcept {
    if (!free_ && !grow()) return nullptr;
    block* b = free_;
    free_ = b->next;
    ++lent_;
    return b;
  }
  void give_back(void* buffer) noexcept {
    assert(lent_ > 0 && "a buffer is given back twice");
    free_ = ::new (buffer) block{free_};
    --lent_;
  }
  // Taken and not given back.
  std::size_t lent() const noexcept { return lent_; }

 private:
  static constexpr std::size_t buffers_a_chunk = 16;
  struct block {
    block* next;
  };

  bool grow() noexcept {
    try {
      chunks_.reserve(chunks_.size() + 1);
      chunks_.emplace_back(new std::byte[buffers_a_chunk * buffer_size]);
    } catch (const std::bad_alloc&) {
      return false;
    }
    for (std::size_t i = 0; i < buffers_a_chunk; ++i)
      free_ = ::new (chunks_.back().get() + i * buffer_size) block{free_};
    return true;
  }

  std::vector<std::unique_ptr<std::byte[]>> chunks_;
  block* free_ = nullptr;
  std::size_t lent_ = 0;
};

}  // namespace rondo::detail
