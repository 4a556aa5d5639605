// Redis by hiredis: its callbacks become promises, and one task moves the bytes.
//
//   redis r("/run/redis/redis.sock");
//   g.spawn(r.run());                                       // in the group that uses it
//   redis_reply n = co_await r.command({"INCR", "visits"});
//
// Any number of tasks may use one connection: what they send goes out in order, without waiting for
// answers. When it is lost, run() ends, and whatever waits throws redis_error.
//
// hiredis writes with send(2) and lets SIGPIPE come, which ends a program when the server has gone:
// the first connection has it ignored, as Python and others do for the whole process.
#pragma once

#include "private_poll.hpp"

#include <rondo/runtime.hpp>

#include <hiredis/async.h>

#include <csignal>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

struct redis_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// What hiredis has for the length of a callback, to keep.
struct redis_reply {
  int type = REDIS_REPLY_NIL;
  long long number = 0;
  std::string text;
  std::vector<redis_reply> list;

  redis_reply() = default;
  explicit redis_reply(const redisReply& r) : type(r.type), number(r.integer) {
    if (r.str) text.assign(r.str, r.len);
    for (std::size_t i = 0; i < r.elements; ++i) list.emplace_back(*r.element[i]);
  }
};

class redis {
 public:
  // Begins to connect to a Unix socket.
  explicit redis(const std::string& path) : to_(redisAsyncConnectUnix(path.c_str())) {
    if (!to_) throw std::bad_alloc();
    // NOLINTNEXTLINE(cert-err33-c)
    [[maybe_unused]] static const auto before = std::signal(SIGPIPE, SIG_IGN);
    if (to_->err != 0) {
      const redis_error why(to_->errstr);
      redisAsyncFree(to_);
      throw why;
    }
    to_->data = to_->ev.data = this;
    to_->ev.addWrite = [](void* me) { static_cast<redis*>(me)->watch(true); };
    to_->ev.delWrite = [](void* me) { static_cast<redis*>(me)->watch(false); };
    redisAsyncSetDisconnectCallback(to_, &ended);
    redisAsyncSetConnectCallback(to_, &ended);
  }
  redis(const redis&) = delete;
  redis& operator=(const redis&) = delete;
  ~redis() {
    if (to_) redisAsyncFree(to_);  // whoever waits is told
  }

  // Moves the bytes until the connection is lost. Not cancelled by a command that is.
  rondo::task<> run() {
    while (to_) {
      co_await socket_.ready();
      socket_.take([&](int, unsigned events) {
        if (events & ~unsigned{EPOLLIN}) redisAsyncHandleWrite(to_);
        if (to_ && (to_->c.flags & REDIS_CONNECTED) != 0) redisAsyncHandleRead(to_);
      });
    }
  }

  // Throws redis_error: the server's, or that there is none. Cancelled, it may be carried out.
  rondo::task<redis_reply> command(std::vector<std::string> words) {
    auto [end, answer] = rondo::make_promise<redis_reply>();
    auto kept = std::make_unique<waiting>(std::move(end));
    send(words, kept.get(), &answered);
    (void)kept.release();
    co_return co_await std::move(answer);
  }
  // What is published to a channel, in order, from now on: for a connection of its own.
  void subscribe(const std::string& channel, rondo::queue<std::string>& to) {
    send({"SUBSCRIBE", channel}, &to, &published);
  }
  bool connected() const { return to_ != nullptr; }
  // Connected, and nothing has been asked that is not answered.
  bool idle() const { return to_ && !to_->replies.head; }

 private:
  using waiting = rondo::promise<redis_reply>;

  void send(const std::vector<std::string>& words, void* to, redisCallbackFn* callback) {
    std::vector<const char*> starts;
    std::vector<std::size_t> sizes;
    for (const std::string& w : words) starts.push_back(w.data()), sizes.push_back(w.size());
    if (!to_ || redisAsyncCommandArgv(to_, callback, to, static_cast<int>(words.size()),
                                      starts.data(), sizes.data()) != REDIS_OK)
      throw redis_error("the connection is lost");
  }
  static void answered(redisAsyncContext*, void* reply, void* to) {
    const std::unique_ptr<waiting> p(static_cast<waiting*>(to));
    const auto* r = static_cast<const redisReply*>(reply);
    if (r && r->type != REDIS_REPLY_ERROR)
      p->set_value(redis_reply(*r));
    else
      p->set_exception(std::make_exception_ptr(redis_error(r ? r->str : "the connection is lost")));
  }
  static void published(redisAsyncContext*, void* reply, void* to) {
    auto& q = *static_cast<rondo::queue<std::string>*>(to);
    const auto* r = static_cast<const redisReply*>(reply);
    if (!r)
      q.close();
    else if (r->elements == 3 && r->element[2]->str)
      (void)q.try_put(std::string(r->element[2]->str, r->element[2]->len));
  }
  // A try to connect, or a connection.
  static void ended(const redisAsyncContext* c, int status) {
    if (status != REDIS_OK) static_cast<redis*>(c->data)->to_ = nullptr;  // hiredis frees it
  }
  void watch(bool writes) { socket_.watch(to_->c.fd, true, writes); }

  private_poll socket_;
  redisAsyncContext* to_;
};
