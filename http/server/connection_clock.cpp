#include <rondo/http/server/connection_clock.hpp>
#include <rondo/net/options.hpp>
#include <rondo/runtime/task_group.hpp>

#include <cstring>
#include <limits>
#include <numeric>
#include <system_error>

namespace rondo::http::detail {
namespace {

// tcpi_bytes_acked of Linux' tcp_info, which glibc's lacks; its place is ABI.
constexpr std::size_t bytes_acked_at = 120;

}  // namespace

connection_clock::~connection_clock() {
  if (armed()) rondo::detail::this_core().timers().disarm(*this);
}

void connection_clock::arm(rondo::detail::time_point when) noexcept {
  rondo::detail::timer_wheel& wheel = rondo::detail::this_core().timers();
  wheel.disarm(*this);
  wheel.arm(*this, when);
  armed_for_ = when;
}

void connection_clock::fired(timer& t) noexcept {
  static_cast<connection_clock&>(t).look(rondo::detail::this_thread.now);
}

void connection_clock::look(rondo::detail::time_point at) noexcept {
  armed_for_ = rondo::detail::never;
  if (read_due_ <= at) end_read();
  if (write_due_ <= at) {
    write_begun_ = at;
    write_due_ = rondo::detail::add(at, quarter());
    end_quarter();
  }
  due(std::min(read_due_, write_due_));
}

// A reader that is ready has its result already, or has yet to begin again because its budget was
// spent: then it is asked again in the next turn.
void connection_clock::end_read() noexcept {
  if (ends_ == ends::task) {
    read_due_ = rondo::detail::never;
    static_cast<rondo::detail::child_record*>(reader_)->cancel_alone();
    return;
  }
  if (ends_ == ends::stream) {
    expired_ = true;
    read_due_ = rondo::detail::never;
    stream_.abort();
    return;
  }
  // Whoever may cancel the job may ask what it waits on.
  auto* const w = const_cast<rondo::detail::waitable*>(reader_->waiting_on());
  if (w == nullptr) return;
  expired_ = true;
  read_due_ = rondo::detail::never;
  w->cancel(*reader_);
}

void connection_clock::end_quarter() noexcept {
  const std::uint32_t acknowledged_now = acknowledged();
  const std::uint32_t acknowledged_since =
      quarters_ended_ == 0 ? 0 : acknowledged_now - acknowledged_;
  std::shift_right(moved_.begin(), moved_.end(), 1);
  moved_.front() = std::max(taken_, acknowledged_since);
  taken_ = 0;
  acknowledged_ = acknowledged_now;
  if (quarters_ended_ < quarters) ++quarters_ended_;
  waited_ = waited_.zero();
  if (quarters_ended_ < quarters) return;
  const auto moved = std::accumulate(moved_.begin(), moved_.end(), std::uint64_t{0});
  const double seconds = std::chrono::duration<double>(options_.write_timeout_).count();
  const double least = std::max(static_cast<double>(options_.write_rate_) * seconds, 1.0);
  if (static_cast<double>(moved) < least) cut();
}

// Whoever writes ends with io_errc::closed.
void connection_clock::cut() noexcept {
  write_due_ = rondo::detail::never;
  try {
    // Without it the kernel would keep what the peer does not take.
    stream_.socket().set(net::options::linger(std::chrono::seconds(0)));
  } catch (const std::system_error&) {  // NOLINT(bugprone-empty-catch): it is closed
  }
  stream_.abort();
}

// Over TCP, how many bytes the peer has acknowledged, modulo 2^32; always the same where that is
// not known.
std::uint32_t connection_clock::acknowledged() const noexcept {
  std::array<std::byte, bytes_acked_at + sizeof(std::uint64_t)> info{};
  try {
    stream_.socket().native().get_option(IPPROTO_TCP, TCP_INFO, info.data(), info.size());
  } catch (const std::system_error&) {
    return 0;
  }
  std::uint64_t bytes = 0;
  std::memcpy(&bytes, info.data() + bytes_acked_at, sizeof bytes);
  return static_cast<std::uint32_t>(bytes);
}

}  // namespace rondo::http::detail
