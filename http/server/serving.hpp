// One call of server::serve(): the connections that it has, and how they are brought to an end.
// Internal.
//
// The order of a stop:
//
//   1. what waits in the listener's queue is accepted, and the listener closed. A client there has
//      its connection already, and has perhaps asked; closing first would reset it. Those for which
//      there is no room are held, and served in their turn when others have ended.
//   2. every connection is told. One at rest has a second for one more request, which it may have
//      sent before it knew, and one that has never said a word a second from its beginning. The
//      others say Connection: close with their next head. Whoever waits in until_stop() wakes.
//   3. when the grace is over: handlers are cancelled, and what was spawned.
//   4. when cancel_grace is over: connections are closed under whatever still cleans up.
#pragma once

#include <rondo/http/parts/transport.hpp>
#include <rondo/http/running_server.hpp>
#include <rondo/http/server/server_state.hpp>
#include <rondo/http/stop_handle.hpp>
#include <rondo/runtime/core/clock.hpp>
#include <rondo/runtime/core/shown.hpp>
#include <rondo/runtime/scope.hpp>

#include <array>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace rondo::http::detail {

// A connection, as far as its server has to do with it. Its task is named after its client.
class open_connection : public rondo::detail::task_namer, public rondo::detail::list_node {
 public:
  enum class state : std::uint8_t {
    shaking_hands,
    silent,     // has never sent a byte
    at_rest,    // between two requests
    busy,       // from the first byte of a request to the end of its answer
    lingering,  // read on, for the client's sake
  };

  open_connection(const open_connection&) = delete;
  open_connection& operator=(const open_connection&) = delete;
  virtual state now() const noexcept = 0;
  // A stop was asked for.
  virtual void hear_of_stop() noexcept = 0;
  // Unwinds the task that serves it.
  void cancel() noexcept { record_->cancel_alone(); }
  // Ends whatever it waits for on its socket.
  virtual void close_under() noexcept = 0;
  std::string task_name() const final;

 protected:
  // On that socket, which its stream may have taken elsewhere; a closed one where there is none.
  explicit open_connection(net::detail::descriptor socket) noexcept : socket_(socket) {}
  ~open_connection() {
    if (record_) record_->set_namer(nullptr);
  }

  // Of the task that serves it, a child of the serving's group. Throws std::bad_alloc.
  void belongs_to(rondo::detail::child_record& task);
  net::detail::descriptor socket() const noexcept { return socket_; }

 private:
  rondo::detail::child_record* record_ = nullptr;
  net::detail::descriptor socket_;
};

// A task of the server's that is not a connection.
struct background_task : rondo::detail::list_node {
  rondo::detail::child_record* record = nullptr;
};

class serving final : public running_server, private rondo::detail::shown {
 public:
  // For a second after the stop, a connection may still bring a request.
  static constexpr std::chrono::seconds last_request_time{1};

  serving(const server_state& s, stop_handle stop);
  serving(const serving&) = delete;
  serving& operator=(const serving&) = delete;
  ~serving();

  const server_state& server() const noexcept { return server_; }
  const server_options& options() const noexcept { return server_.options; }
  cancel_scope& accepting() noexcept { return accepting_; }
  void use(task_group& g) noexcept { group_ = &g; }
  // From here it is told to who looks inside; `where`: it listens.
  void show(std::string where) noexcept;

  // Until there is room for one more.
  task<> wait_for_room();
  bool has_room() const noexcept { return connections_ < options().max_connections_; }
  // The same in a stop: false when its grace is over before.
  task<bool> wait_for_room_in_grace();
  // Until one has ended, or accept may be tried again.
  task<> rest();
  class place;
  // For a connection that has been accepted; nothing when its client has too many, or memory has
  // run out.
  std::optional<place> admit(const plain_stream& stream) noexcept;
  // For one that is no socket's.
  place admit_uncounted() noexcept;
  // Runs its task, and one that watches for it. Throw std::bad_alloc.
  void spawn_connection(task<> t) { group_->spawn(std::move(t)); }
  // The same of a connection that is its task's record: see group_access.
  bool spawn_connection(rondo::detail::child_record& r) {
    return rondo::detail::group_access::spawn(*group_, r);
  }
  join_handle<void> spawn_watch(task<> t) { return group_->spawn(std::move(t)); }
  void enlist(open_connection& c) noexcept { open_.push_back(c); }
  // Until nothing of it is there any more.
  task<> wait_for_all();
  // After the listener is closed: steps 2 to 4. `rest` starts what was held.
  task<> wind_down(task<> rest);
  void tls_failed(const net::endpoint& client, const std::exception_ptr& why);

  // One of max_connections, and of its client's, as long as it lives: an argument of the
  // connection's task, so that it is given back even if that never runs.
  class place {
   public:
    // The address that counts.
    using client = std::array<std::byte, 17>;
    // Who has how many.
    using clients = std::map<client, std::size_t>;
    // `c`: null where nobody counts them.
    place(serving& s, clients::value_type* c) noexcept : server_(&s), client_(c) {}
    place(place&& other) noexcept
        : server_(std::exchange(other.server_, nullptr)), client_(other.client_) {}
    place& operator=(place&&) = delete;
    ~place() {
      if (server_ != nullptr) server_->leave(*this);
    }
    serving& server() const noexcept { return *server_; }

   private:
    friend class serving;
    serving* server_;
    clients::value_type* client_;  // stays where it is
  };

 private:
  class background_place;

  void tell(rondo::detail::shown_visitor& v) const override;
  void leave(const place& p) noexcept;
  void spawn_task(task<> t) override;
  static task<> run_background(background_place mine, task<> t);
  static void told(void* self) noexcept;
  task<> wait_for_all_or_end_of_grace(task<> rest);
  bool empty() const noexcept { return connections_ == 0 && background_count_ == 0; }
  void cancel_all() noexcept;

  const server_state& server_;
  std::string where_;  // it listens; empty while nobody looks
  task_group* group_ = nullptr;
  cancel_scope accepting_;
  rondo::detail::intrusive_list<open_connection> open_;
  rondo::detail::intrusive_list<background_task> background_;
  std::size_t background_count_ = 0;
  place::clients clients_;
  rondo::event changed_;               // a connection has ended, or a stop has gone on
  std::shared_ptr<stop_watch> watch_;  // the last: it may tell at once
};

}  // namespace rondo::http::detail
