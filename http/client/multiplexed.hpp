// A connection that carries many exchanges at once, as the pool sees it. Internal.
//
//   places() > 0 ──take──▶ a stream ──ended, or its reset is on the socket──▶ the place is back
//
// It lives as long as its service runs, the pool keeps it or a stream of it is there. The pool
// hears of each change by `heard_by`, which it sets.
#pragma once

#include <rondo/http/client/carrier.hpp>
#include <rondo/runtime/core/clock.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>

namespace rondo::http::detail {

class multiplexed;

// Called while the connection reads or writes, or a stream goes: it resumes nobody.
class multiplexed_listener {
 public:
  // places() or streams() is another.
  virtual void places_changed(multiplexed& c) noexcept = 0;
  // It takes no more streams: it is going away, or is lost.
  virtual void retired(multiplexed& c) noexcept = 0;
  // Its socket is closed.
  virtual void closed(multiplexed& c) noexcept = 0;

 protected:
  ~multiplexed_listener() = default;
};

class multiplexed {
 public:
  multiplexed() = default;
  multiplexed(const multiplexed&) = delete;
  multiplexed& operator=(const multiplexed&) = delete;
  virtual ~multiplexed() = default;

  // Streams that may be opened now: negative when the peer has lowered its limit below what is
  // open, 0 when it takes no more.
  virtual int places() const noexcept = 0;
  // What is taken of them, those included whose reset is still to be written.
  virtual std::size_t streams() const noexcept = 0;
  // Precondition: places() > 0. Throws std::bad_alloc.
  virtual std::unique_ptr<client_stream> take_place() = 0;
  // Streams at a time that the peer has allowed; assumed_limit until it has said so.
  virtual std::uint32_t peer_limit() const noexcept = 0;
  // The peer has said that it takes an extended CONNECT (RFC 8441).
  virtual bool takes_extended_connect() const noexcept = 0;
  // No more streams; closed with the last, and at once when there is none.
  virtual void retire() noexcept = 0;
  // At once, whatever is under way; the listener hears nothing of it.
  virtual void close() noexcept = 0;

  multiplexed_listener* heard_by = nullptr;
  std::uint32_t assumed_limit = 100;
  // For the pool.
  void* place = nullptr;
  std::uint64_t number = 0;         // of all connections of the pool
  bool idle = false;                // counted as such
  rondo::detail::time_point since;  // idle since
  rondo::detail::time_point until;  // not used from then on
};

}  // namespace rondo::http::detail
