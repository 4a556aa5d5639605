// The client's connections: at most so many open, in all and to one origin, kept alive between
// exchanges. Internal.
//
// A lease is the right to one connection, and usually the connection. It goes back when the lease
// goes, whatever the request was doing then: a cancelled request never leaks a place. Who waits is
// served first come, first served; what is given back goes straight into the hands of who has
// waited longest, and can take it: a waiter whose origin has all that it may have is passed over.
//
// The key of a connection holds everything that must not be mixed: scheme, host, port, and the way
// there.
//
// An origin may agree on HTTP/2 when it is asked to (ALPN), and then one connection carries many
// exchanges. Before that is known one request dials, and the others wait for what it agrees on, a
// second at most:
//
//   unknown ──the dial agrees on──▶ http_2   a lease is a place for a stream on a connection that
//      │                                     has one; else one request dials, the others wait
//      ├──────────────────────────▶ http_1   a lease is a connection, as ever
//      └──it fails, or a second is over: who waits dials, too
//
// A shared connection has one place in the pool as long as it is open, however many streams it has
// (multiplexed.hpp).
#pragma once

#include <rondo/http/client/client_connection.hpp>
#include <rondo/http/client/multiplexed.hpp>
#include <rondo/runtime/call_later.hpp>
#include <rondo/runtime/core/shown.hpp>
#include <rondo/runtime/event.hpp>
#include <rondo/runtime/wait.hpp>

#include <cstdint>
#include <limits>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace rondo::http::detail {

class pool;

// What a request's connection speaks.
enum class speaks : std::uint8_t {
  http_1,
  agreed,  // what both ends agree on
  http_2,  // known beforehand
};

// What is known of an origin that may speak HTTP/2.
struct shared_entry {
  std::vector<std::shared_ptr<multiplexed>> connections;  // open ones, those that retire included
  std::optional<version> known;
  std::size_t dialing = 0;
  std::uint32_t limit = 100;  // streams at once that its latest connection has allowed
  bool waited = false;        // the dial has failed or takes long: nobody waits for another
  timer_handle patience;
};

// All places taken for one key. It is there as long as one is.
struct pool_entry {
  std::vector<std::unique_ptr<client_connection>> idle;  // the most recent last
  std::size_t open = 0;                  // leases of connections, idle and shared connections
  std::unique_ptr<shared_entry> shared;  // null: it was asked for HTTP/1.1 alone
};

// Hash and equality, so that an entry is found without making a string.
struct by_key {
  using is_transparent = void;
  std::size_t operator()(std::string_view key) const noexcept {
    return std::hash<std::string_view>()(key);
  }
  bool operator()(std::string_view a, std::string_view b) const noexcept { return a == b; }
};
using pool_entries = std::unordered_map<std::string, pool_entry, by_key, by_key>;

class lease {
 public:
  lease() = default;
  lease(std::shared_ptr<pool> p, pool_entries::value_type& place) noexcept
      : pool_(std::move(p)), place_(&place) {}
  lease(lease&& other) noexcept = default;
  lease& operator=(lease&& other) noexcept {
    if (this != &other) {
      drop();
      conn = std::move(other.conn);
      stream = std::move(other.stream);
      pool_ = std::move(other.pool_);
      place_ = other.place_;
      dials_ = other.dials_;
    }
    return *this;
  }
  ~lease() { drop(); }

  // The connection, or a stream of one; neither when a connection is still to be opened.
  std::unique_ptr<client_connection> conn;
  std::unique_ptr<client_stream> stream;

  // What one or the other has of the response. Precondition: one of them is there.
  parse_step buffered_event() { return conn ? conn->buffered_event() : stream->buffered_event(); }
  task<parse_step> next_event() { return conn ? conn->next_event() : stream->next_event(); }
  response_head take_head() noexcept {
    return conn ? conn->parser().take_head() : std::move(stream->head());
  }
  bool has_body() const noexcept {
    return conn ? conn->parser().framing() != body_framing::none : stream->has_body();
  }
  const headers& trailers() const noexcept {
    return conn ? conn->parser().trailers() : stream->trailers();
  }

  explicit operator bool() const noexcept { return pool_ != nullptr; }
  pool& from() const noexcept { return *pool_; }
  // Gives the connection back to be used again.
  void give_back() noexcept;
  // Closes the connection, because something came on it unasked, and takes the next idle one of the
  // same key; none when there is none.
  void replace() noexcept;
  // Closes it and gives the place back.
  void drop() noexcept {
    if (pool_) drop_held();
  }
  // The same for a connection whose response has ended: it is used again if it can be. While the
  // request is still being sent, the upload has it.
  void finish() noexcept;

 private:
  friend class pool;
  void drop_held() noexcept;
  void leave() noexcept;
  carrier& on() noexcept {
    return conn ? static_cast<carrier&>(*conn) : static_cast<carrier&>(*stream);
  }

  std::shared_ptr<pool> pool_;
  pool_entries::value_type* place_ = nullptr;  // a stream's is its connection's
  bool dials_ = false;                         // others wait for what this one agrees on
};

// A request's body on its way, and whether its response has begun. Whoever has the lease may be
// done with it before the body has been sent: then it is kept here, because the writer needs the
// connection until it has ended.
struct upload {
  rondo::event moved;  // the body has been sent, or the response's head has come
  bool answered = false;
  bool heard_all = false;  // the response has been read to its end
  lease rest;
};

// Whether a connection that has carried an exchange will do; a shared one that is opened from now
// on always does.
enum class reuse : std::uint8_t { none, kept };

struct pool_limits {
  std::size_t connections = 100;
  std::size_t per_key = std::numeric_limits<std::size_t>::max();
  rondo::detail::nanoseconds idle = std::chrono::seconds(15);
};

class pool final : public std::enable_shared_from_this<pool>,
                   private multiplexed_listener,
                   private rondo::detail::shown {
 public:
  explicit pool(const pool_limits& limits);
  pool(const pool&) = delete;
  pool& operator=(const pool&) = delete;
  ~pool();

  class wait;
  // Completes with a lease for `key`, which the caller keeps until then; with a kept connection if
  // there is one that will do. Whether something has come on it meanwhile is for whoever is about
  // to send: see lease::replace. Cancelled: leaves the line.
  wait acquire(std::string_view key, reuse what, speaks how = speaks::http_1);
  // A stream of a connection that is open already, and whose peer takes an extended CONNECT; none
  // when there is none. Throws std::bad_alloc.
  lease take_for_tunnel(std::string_view key);
  // For a lease that came without a connection, of an origin that was asked for more than HTTP/1.1:
  // what has been agreed on. With HTTP/2 the connection is the pool's from now on, and the lease
  // has a stream of it. Throws std::bad_alloc, and the connection is then the caller's to close.
  void agreed_on_http_1(lease& l) noexcept;
  void agreed_on_http_2(lease& l, const std::shared_ptr<multiplexed>& c);

  read_buffer take_buffer();
  std::size_t open() const noexcept { return open_; }
  std::size_t idle() const noexcept { return idle_count_; }
  void close_idle() noexcept;

 private:
  friend class lease;
  using place = pool_entries::value_type;

  // Shared with the task that closes what was idle for too long, and everything idle when the loop
  // ends.
  struct idle_watch {
    pool* owner;
    rondo::event look_again;  // the pool has gone, or keeps a connection that is due earlier
    rondo::detail::time_point due = rondo::detail::never;  // the next look
    bool running = false;
  };
  class watching;
  static task<> watch_idle(watching w);
  // When the next is due.
  rondo::detail::time_point drop_expired() noexcept;

  enum class found : std::uint8_t { granted, must_wait, nothing };

  void tell(rondo::detail::shown_visitor& v) const override;
  bool grant(wait& w) noexcept;
  found grant_shared(wait& w, place& p);
  void begin_dial(place& p) noexcept;
  void end_dial(shared_entry& s) noexcept;
  std::unique_ptr<client_connection> take_idle(pool_entry& e) noexcept;
  void replace(lease& l) noexcept;
  bool evict_oldest() noexcept;
  // Closes the oldest idle connection of an entry, and lets the entry go with its last place.
  // Returns the next.
  pool_entries::iterator drop_oldest(pool_entries::iterator at) noexcept;
  void free_place(place& p) noexcept;
  // A place is free, and with it perhaps a connection.
  void returned(place& p, std::unique_ptr<client_connection> c) noexcept;
  void dial_failed(place& p) noexcept;

  void places_changed(multiplexed& c) noexcept override;
  void retired(multiplexed& c) noexcept override;
  void closed(multiplexed& c) noexcept override;
  void serve_places(multiplexed& c) noexcept;
  void begin_idle(multiplexed& c) noexcept;
  void end_idle(multiplexed& c) noexcept {
    if (std::exchange(c.idle, false)) --idle_count_;
  }
  // Closes an idle one; its entry may go with it.
  void drop_shared(multiplexed& c) noexcept;
  // Closes those of an entry that are idle, and for long enough; its places are free then, and it
  // stays. Says when the next is due.
  rondo::detail::time_point drop_idle_shared(pool_entry& e, rondo::detail::time_point now) noexcept;
  static multiplexed* oldest_idle(const pool_entry& e) noexcept;
  bool watch_is_on() noexcept;
  bool keep(pool_entry& e, std::unique_ptr<client_connection> c) noexcept;
  void serve_waiters() noexcept;
  void serve_all() noexcept;
  void keep_buffer(read_buffer b) noexcept;

  pool_limits limits_;
  std::size_t open_ = 0;  // places taken, of all entries
  std::uint64_t shared_so_far_ = 0;
  std::size_t idle_count_ = 0;
  pool_entries entries_;
  std::shared_ptr<idle_watch> watch_;
  rondo::detail::intrusive_list<wait> waiting_;
  std::vector<read_buffer> buffers_;
};

class [[nodiscard("without co_await nothing happens")]] pool::wait final
    : public rondo::detail::line_wait {
 public:
  wait(std::shared_ptr<pool> p, std::string_view key, reuse what, speaks how) noexcept
      : pool_(std::move(p)),
        key_(key),
        newer_than_(what == reuse::none ? pool_->shared_so_far_ : 0),
        reuse_(what),
        speaks_(how) {}

  bool begin(rondo::detail::job& j) noexcept override;
  void describe(rondo::detail::wait_visitor& v) const override {
    v.waits_for("a connection of an HTTP client");
  }
  lease await_resume() {
    if (out_of_memory_) throw std::bad_alloc();
    return std::move(granted_);
  }

 private:
  friend class pool;
  std::shared_ptr<pool> pool_;
  std::string_view key_;
  std::uint64_t newer_than_;  // the number of a shared connection that will do
  reuse reuse_;
  speaks speaks_;
  bool out_of_memory_ = false;
  lease granted_;
};

}  // namespace rondo::http::detail
