#include <rondo/http/upgrade.hpp>
#include <rondo/runtime/wait.hpp>

#include <algorithm>
#include <cstring>

namespace rondo::http {

task<std::size_t> upgraded_stream::read_first(std::span<std::byte> buffer) {
  const std::size_t n = std::min(buffer.size(), first_.size() - read_);
  if (n > 0) std::memcpy(buffer.data(), first_.data() + read_, n);
  read_ += n;
  if (read_ == first_.size()) std::string().swap(first_);
  co_return n;
}

task<std::size_t> upgraded_stream::read_some(std::span<std::byte> buffer) {
  if (!first_.empty()) return read_first(buffer);
  return stream_.with([buffer](auto& s) { return rondo::detail::to_task(s.read_some(buffer)); });
}

task<std::size_t> upgraded_stream::write_some(std::span<const std::byte> bytes) {
  return stream_.with([bytes](auto& s) { return rondo::detail::to_task(s.write_some(bytes)); });
}

task<> upgraded_stream::write_all(std::span<const std::byte> bytes) {
  return stream_.with([bytes](auto& s) { return rondo::detail::to_task(s.write_all(bytes)); });
}

task<> upgraded_stream::shutdown_write() {
  return stream_.with([](auto& s) { return rondo::detail::to_task(s.shutdown_write()); });
}

}  // namespace rondo::http
