// pool<T>: things that are dear to make, lent to one task at a time and kept for the next.
//
//   pool<db> dbs(db::connect, pool_options<db>().limit(8).idle_timeout(30s));   // to task<db>
//   auto c = co_await dbs.acquire();    // one that is kept, a new one, or a place in line first
//   co_await c->query("select 1");      // it goes back when `c` goes
//
// First come, first served; what is given back goes straight into the hands of who has waited
// longest. Whoever has a place and finds nothing there makes the thing itself, in its own task: so
// it is cancelled with that task, and the place goes to the next.
//
// Whether a thing that comes back will do is said by usable(). Without it, one that was used and
// whose lease goes because its task was cancelled, or by an exception, is ended: nobody knows what
// it was in the middle of.
//
// One loop's. A pool may outlive its loop: what it keeps is ended with the loop.
#pragma once

#include <rondo/runtime/core/amount.hpp>
#include <rondo/runtime/core/pool_core.hpp>
#include <rondo/runtime/loop.hpp>
#include <rondo/runtime/task.hpp>

#include <exception>
#include <memory>
#include <stdexcept>
#include <type_traits>
#include <utility>

namespace rondo {

// acquire, or what came of it, when the pool has been closed.
class pool_closed : public std::runtime_error {
 public:
  pool_closed() : std::runtime_error("the pool is closed") {}
};

// How a pool<T> keeps its things. Every setter returns the object itself.
template <class T>
class pool_options {
 public:
  // How many things there may be at a time, those being made included; 10. Throws
  // std::invalid_argument for 0.
  pool_options& limit(detail::amount n) & {
    if (n == 0) throw std::invalid_argument("pool_options::limit: nobody would ever be served");
    bounds_.places = n;
    return *this;
  }
  pool_options&& limit(detail::amount n) && { return std::move(limit(n)); }
  // How many are kept while nobody needs them; all.
  pool_options& max_idle(detail::amount n) & noexcept {
    bounds_.idle = n;
    return *this;
  }
  pool_options&& max_idle(detail::amount n) && noexcept { return std::move(max_idle(n)); }
  // For how long one is kept without being lent; 60 s.
  template <class Rep, class Period>
  pool_options& idle_timeout(std::chrono::duration<Rep, Period> d) & noexcept {
    bounds_.idle_for = detail::saturate(d);
    return *this;
  }
  template <class Rep, class Period>
  pool_options&& idle_timeout(std::chrono::duration<Rep, Period> d) && noexcept {
    return std::move(idle_timeout(d));
  }
  // One that is older is not lent again; no limit.
  template <class Rep, class Period>
  pool_options& max_age(std::chrono::duration<Rep, Period> d) & noexcept {
    bounds_.age = detail::saturate(d);
    return *this;
  }
  template <class Rep, class Period>
  pool_options&& max_age(std::chrono::duration<Rep, Period> d) && noexcept {
    return std::move(max_age(d));
  }
  // fn(T&) gives a task<bool>: whether one that has been kept is alive. Asked by acquire() of one
  // that has been idle for check_after() or longer; one that is not, or whose check throws, is
  // ended, and another taken. It sets itself a time limit, if it needs one.
  template <class Fn>
    requires std::is_invocable_r_v<task<bool>, Fn&, T&>
  pool_options& check(Fn fn) & {
    check_ = std::make_shared<typed_question<task<bool>, Fn>>(std::move(fn));
    return *this;
  }
  template <class Fn>
    requires std::is_invocable_r_v<task<bool>, Fn&, T&>
  pool_options&& check(Fn fn) && {
    return std::move(check(std::move(fn)));
  }
  // 1 s. Zero: each time that it is lent again.
  template <class Rep, class Period>
  pool_options& check_after(std::chrono::duration<Rep, Period> d) & noexcept {
    check_after_ = detail::saturate(d);
    return *this;
  }
  template <class Rep, class Period>
  pool_options&& check_after(std::chrono::duration<Rep, Period> d) && noexcept {
    return std::move(check_after(d));
  }
  // bool fn(T&): whether one that comes back can be lent again, however its lease went. One whose
  // answer is an exception cannot.
  template <class Fn>
    requires std::is_invocable_r_v<bool, Fn&, T&>
  pool_options& usable(Fn fn) & {
    usable_ = std::make_shared<typed_question<bool, Fn>>(std::move(fn));
    return *this;
  }
  template <class Fn>
    requires std::is_invocable_r_v<bool, Fn&, T&>
  pool_options&& usable(Fn fn) && {
    return std::move(usable(std::move(fn)));
  }

 private:
  template <class U>
  friend class pool;

  template <class Answer>
  struct question {
    question() = default;
    question(const question&) = delete;
    question& operator=(const question&) = delete;
    virtual ~question() = default;
    virtual Answer ask(T& value) = 0;
  };
  template <class Answer, class Fn>
  struct typed_question final : question<Answer> {
    explicit typed_question(Fn&& f) : fn(std::move(f)) {}
    Answer ask(T& value) override { return fn(value); }
    Fn fn;
  };

  detail::pool_bounds bounds_;
  detail::nanoseconds check_after_ = std::chrono::seconds(1);
  std::shared_ptr<question<task<bool>>> check_;
  std::shared_ptr<question<bool>> usable_;
};

template <class T>
class pool {
 public:
  class lease;

  // make() gives a task<T>, as often as a new thing is needed. It is kept.
  template <class Make>
    requires std::is_invocable_r_v<task<T>, Make&>
  explicit pool(Make make, pool_options<T> options = {})
      : options_(std::move(options)),
        make_(std::make_unique<typed_maker<Make>>(std::move(make))),
        core_(options_.bounds_) {}
  // Destroying a pool that somebody waits for, or has a lease of, ends the program.
  ~pool() = default;
  pool(const pool&) = delete;
  pool& operator=(const pool&) = delete;

  // Completes with a lease. Throws pool_closed, and what make() throws: then the place has gone to
  // the next in line, who tries for itself. Cancelled: leaves the line, or gives back the place and
  // ends what it was making or asking.
  task<lease> acquire() {
    detail::pool_place place = co_await core_.take_place();
    while (place.item() && is_due_for_check(*place.item()) && !co_await is_alive(value_of(place)))
      place.replace();
    if (!place.item()) place.put(std::make_unique<item>(co_await make_->make()));
    if (core_.closed()) throw pool_closed();
    co_return lease(*this, std::move(place));
  }
  // Without waiting: one that is kept, and need not be asked whether it is alive; an empty lease
  // when there is none.
  lease try_acquire() noexcept {
    return lease(*this, core_.take_kept(options_.check_ ? options_.check_after_
                                                        : detail::nanoseconds::max()));
  }
  // No more leases: who waits for one is told pool_closed, and what is kept is ended; what is lent
  // when it comes back. The first call counts.
  void close() noexcept { core_.close(); }

  bool closed() const noexcept { return core_.closed(); }
  std::size_t limit() const noexcept { return core_.limit(); }
  // Places taken: lent, being made or asked, and kept.
  std::size_t size() const noexcept { return core_.taken(); }
  // Of these, in the hands of a task.
  std::size_t lent() const noexcept { return core_.held(); }
  std::size_t idle() const noexcept { return core_.kept(); }
  std::size_t waiting() const noexcept { return core_.waiting(); }

 private:
  struct item final : detail::pool_thing {
    explicit item(T&& v) noexcept(std::is_nothrow_move_constructible_v<T>) : value(std::move(v)) {}
    T value;
  };
  struct maker {
    maker() = default;
    maker(const maker&) = delete;
    maker& operator=(const maker&) = delete;
    virtual ~maker() = default;
    virtual task<T> make() = 0;
  };
  template <class Make>
  struct typed_maker final : maker {
    explicit typed_maker(Make&& m) : fn(std::move(m)) {}
    task<T> make() override { return fn(); }
    Make fn;
  };

  static T& value_of(const detail::pool_place& p) noexcept {
    return static_cast<item*>(p.item())->value;
  }
  bool is_due_for_check(const detail::pool_thing& i) const noexcept {
    return options_.check_ && this_loop().now() >= detail::add(i.since, options_.check_after_);
  }
  task<bool> is_alive(T& value) {
    try {
      co_return co_await options_.check_->ask(value);
    } catch (...) {
      co_return false;
    }
  }
  bool is_usable(T& value) noexcept {
    try {
      return options_.usable_->ask(value);
    } catch (...) {
      return false;
    }
  }

  pool_options<T> options_;
  std::unique_ptr<maker> make_;
  detail::pool_core core_;
};

// The right to use one thing, until it goes, which must be before the pool does.
template <class T>
class [[nodiscard]] pool<T>::lease {
 public:
  // None.
  lease() = default;
  lease(lease&& other) noexcept = default;
  lease& operator=(lease&& other) noexcept {
    if (this != &other) {
      drop();
      pool_ = other.pool_;
      place_ = std::move(other.place_);
      exceptions_ = other.exceptions_;
      used_ = other.used_;
    }
    return *this;
  }
  ~lease() { drop(); }

  explicit operator bool() const noexcept { return static_cast<bool>(place_); }
  T& operator*() noexcept {
    used_ = true;
    return value_of(place_);
  }
  T* operator->() noexcept { return &**this; }

  // Gives it back before its time, to be lent again unless usable() says no; once.
  void give_back() noexcept {
    if (place_) end_lease(true);
  }
  // Ends the thing: its place is free.
  void discard() noexcept { place_.leave(); }

 private:
  friend class pool;
  lease(pool& p, detail::pool_place&& place) noexcept : pool_(&p), place_(std::move(place)) {}

  void drop() noexcept {
    if (place_) end_lease(!is_unwinding() && std::uncaught_exceptions() <= exceptions_);
  }
  void end_lease(bool in_order) noexcept {
    const bool will_do = !used_                    ? true
                         : pool_->options_.usable_ ? pool_->is_usable(value_of(place_))
                                                   : in_order;
    if (will_do)
      place_.give_back();
    else
      place_.leave();
  }

  pool* pool_ = nullptr;
  detail::pool_place place_;
  int exceptions_ = std::uncaught_exceptions();
  bool used_ = false;
};

}  // namespace rondo
