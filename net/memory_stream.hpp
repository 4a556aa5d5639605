// memory_stream: two ends of a connection inside the process, without a socket.
//
//   auto [client, server] = make_memory_streams();
//   co_await client.write_all(bytes_of("ping"));
//   std::size_t n = co_await server.read_some(buffer);
//
// A byte stream like any other: bounded, half-closing, one reader and one writer an end. For tests
// of what stands on byte streams (TLS, HTTP), and for joining two parts of a program that speak a
// protocol.
#pragma once

#include <rondo/net/stream.hpp>
#include <rondo/runtime/core/frame_pool.hpp>
#include <rondo/runtime/wait.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <utility>

namespace rondo::net {

namespace detail {

class memory_pipe;

// A read or a write that may have to wait for the other end. Keeps the caller's buffer until it is
// over.
class memory_wait : public rondo::detail::wait_base {
 public:
  memory_wait(std::shared_ptr<memory_pipe> p, direction w) noexcept
      : pipe_(std::move(p)), way_(w) {}
  memory_wait(memory_wait&&) = default;
  memory_wait& operator=(memory_wait&&) = delete;
  bool begin(job& j) noexcept override;
  void cancel(job& j) noexcept override;
  void describe(rondo::detail::wait_visitor& v) const override {
    v.waits_for(way_ == direction::gone ? "the peer to be gone, in memory"
                : way_ == direction::in ? "recv in memory"
                                        : "send in memory");
  }

 protected:
  ~memory_wait() = default;
  const char* what() const noexcept {
    return way_ == direction::gone ? "gone" : way_ == direction::in ? "read" : "write";
  }

  std::shared_ptr<memory_pipe> pipe_;  // nullptr: of an end that is closed
  std::int32_t result_ = 0;

 private:
  friend class memory_pipe;
  // True: over, with a result. False: it must wait for the other end.
  virtual bool attempt() noexcept = 0;
  virtual void withdrawn() noexcept {}

  direction way_;
  job* job_ = nullptr;
};

class memory_count_wait : public memory_wait {
 public:
  std::size_t await_resume() const {
    if (result_ < 0) rondo::detail::throw_io_error(result_, what());
    return static_cast<std::size_t>(result_);
  }
  outcome<std::size_t> take_outcome() const noexcept {
    if (result_ < 0) return io_outcome<std::size_t>(result_, what());
    return outcome<std::size_t>(std::in_place, static_cast<std::size_t>(result_));
  }

 protected:
  using memory_wait::memory_wait;
  memory_count_wait(memory_count_wait&&) = default;
  ~memory_count_wait() = default;
};

class [[nodiscard("without co_await nothing happens"), gnu::warn_unused]] memory_read_wait final
    : public memory_count_wait {
 public:
  memory_read_wait(std::shared_ptr<memory_pipe> p, std::span<std::byte> buffer) noexcept
      : memory_count_wait(std::move(p), direction::in), buffer_(buffer) {}

 private:
  bool attempt() noexcept override;
  std::span<std::byte> buffer_;
};

class [[nodiscard("without co_await nothing happens"),
        gnu::warn_unused]] memory_write_some_wait final : public memory_count_wait {
 public:
  memory_write_some_wait(std::shared_ptr<memory_pipe> p, std::span<const std::byte> bytes) noexcept
      : memory_count_wait(std::move(p), direction::out), bytes_(bytes) {}

 private:
  bool attempt() noexcept override;
  std::span<const std::byte> bytes_;
};

class [[nodiscard("without co_await nothing happens"),
        gnu::warn_unused]] memory_write_all_wait final : public memory_wait {
 public:
  memory_write_all_wait(std::shared_ptr<memory_pipe> p, std::span<const std::byte> bytes) noexcept
      : memory_wait(std::move(p), direction::out), left_(bytes) {}
  void await_resume() const {
    if (result_ < 0) rondo::detail::throw_io_error(result_, what());
  }
  outcome<void> take_outcome() const noexcept {
    if (result_ < 0) return io_outcome<void>(result_, what());
    return outcome<void>(std::in_place);
  }

 private:
  bool attempt() noexcept override;
  void withdrawn() noexcept override;
  std::span<const std::byte> left_;
};

class [[nodiscard("without co_await nothing happens"), gnu::warn_unused]] memory_gone_wait final
    : public memory_wait {
 public:
  memory_gone_wait(std::shared_ptr<memory_pipe> in, std::shared_ptr<memory_pipe> out,
                   hang_up least) noexcept
      : memory_wait(std::move(in), direction::gone), out_(std::move(out)), least_(least) {}
  hang_up await_resume() const {
    if (result_ < 0) rondo::detail::throw_io_error(result_, what());
    return static_cast<hang_up>(result_);
  }
  outcome<hang_up> take_outcome() const noexcept {
    if (result_ < 0) return io_outcome<hang_up>(result_, what());
    return outcome<hang_up>(std::in_place, static_cast<hang_up>(result_));
  }

 private:
  bool attempt() noexcept override;
  std::shared_ptr<memory_pipe> out_;
  hang_up least_;
};

}  // namespace detail

// One end. Movable. Closed when it goes: the peer reads what was written and then the end; its
// writes fail with EPIPE.
class memory_stream {
 public:
  // Closed from the start, to be assigned to.
  memory_stream() noexcept = default;
  memory_stream(memory_stream&&) noexcept = default;
  memory_stream& operator=(memory_stream&& other) noexcept {
    if (this != &other) {
      close();
      in_ = std::move(other.in_);
      out_ = std::move(other.out_);
    }
    return *this;
  }
  ~memory_stream() { close(); }

  // As those of a socket (stream_socket), with the same errors: io_errc::closed, busy,
  // write_broken; EPIPE. Cancelled as they are.
  detail::memory_read_wait read_some(std::span<std::byte> buffer) noexcept { return {in_, buffer}; }
  detail::memory_write_some_wait write_some(std::span<const std::byte> bytes) noexcept {
    return {out_, bytes};
  }
  detail::memory_write_all_wait write_all(std::span<const std::byte> bytes) noexcept {
    return {out_, bytes};
  }
  template <std::convertible_to<std::string_view> Text>
  rondo::detail::refused write_some(const Text&) {
    detail::refuse_text<Text>();
    return {};
  }
  template <std::convertible_to<std::string_view> Text>
  rondo::detail::refused write_all(const Text&) {
    detail::refuse_text<Text>();
    return {};
  }
  // The peer reads the end after what was written. Throws io_errc::closed. Does not wait, so
  // that no cancellation comes in between.
  task<> shutdown_write();
  // As that of a socket. Cancelled: stops waiting.
  detail::memory_gone_wait gone(hang_up least = hang_up::half) noexcept {
    return {in_, out_, least};
  }
  void close() noexcept;
  bool is_open() const noexcept { return in_ != nullptr; }
  bool readable_now() const noexcept;

 private:
  friend std::pair<memory_stream, memory_stream> make_memory_streams(std::size_t, std::size_t);
  memory_stream(std::shared_ptr<detail::memory_pipe> in,
                std::shared_ptr<detail::memory_pipe> out) noexcept
      : in_(std::move(in)), out_(std::move(out)) {}

  std::shared_ptr<detail::memory_pipe> in_;
  std::shared_ptr<detail::memory_pipe> out_;
};

// The two ends of a connection that holds `window` bytes in each direction before its writer waits.
// One read or write moves at most `largest_transfer` bytes: 1 splits everything there is to split.
// Throws std::invalid_argument for 0, std::bad_alloc.
std::pair<memory_stream, memory_stream> make_memory_streams(
    std::size_t window = 64 * 1024, std::size_t largest_transfer = detail::largest_transfer);

static_assert(byte_stream<memory_stream>);

}  // namespace rondo::net
