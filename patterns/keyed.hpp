// keyed: one policy for each origin, or whatever the key is; made when it is first asked for.
//
//   keyed<circuit_breaker> breakers(1000, [](const std::string&) {
//     return circuit_breaker(circuit_breaker::options().consecutive_failures(3));
//   });
//   outcome<reply> o = co_await breakers.run("example.org:443", fetch, url);
//   auto breaker = breakers.get("example.org:443");   // stays as long as the handle does
//   auto stack = compose(retry(), *breaker, attempt_timeout(10s));
//
// It keeps at most so many. When another is needed, the one goes that nobody has used for the
// longest time, but never one in use (a handle or a call holds it), and never one whose memory
// matters: an open breaker. Only if there is no other does a breaker go that is open but would
// admit a call, because its time is over: dead origins must not fill the registry for ever. If even
// that is not to be had, the call is refused (limit_exceeded).
//
// On one loop's thread. The registry must outlive its handles and calls.
#pragma once

#include <rondo/patterns/policy.hpp>
#include <rondo/runtime/core/amount.hpp>
#include <rondo/runtime/core/intrusive_list.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

namespace rondo {

namespace detail {

// A policy that does not say may be replaced.
template <class P>
replaceable replaceable_now(const P& p, time_point now) {
  if constexpr (requires { p.replaceable(now); })
    return p.replaceable(now);
  else
    return replaceable::yes;
}

// So that a string_view finds a string.
template <class Key>
struct key_hash : std::hash<Key> {};
template <>
struct key_hash<std::string> {
  using is_transparent = void;
  std::size_t operator()(std::string_view s) const noexcept {
    return std::hash<std::string_view>()(s);
  }
};
struct key_equal {
  using is_transparent = void;
  template <class A, class B>
  bool operator()(const A& a, const B& b) const {
    return a == b;
  }
};

// Throws std::invalid_argument for 0.
std::size_t checked_key_limit(amount limit);

}  // namespace detail

template <class P, class Key = std::string>
class keyed {
  struct entry;

 public:
  // Keeps a policy; false when there was no room for it. Copies keep the same one.
  class handle {
   public:
    handle() = default;
    handle(const handle& other) noexcept : handle(other.all_, other.entry_) {}
    handle(handle&& other) noexcept
        : all_(other.all_), entry_(std::exchange(other.entry_, nullptr)) {}
    handle& operator=(handle other) noexcept {
      std::swap(all_, other.all_);
      std::swap(entry_, other.entry_);
      return *this;
    }
    ~handle() {
      if (entry_) all_->release(*entry_);
    }

    explicit operator bool() const noexcept { return entry_ != nullptr; }
    P& operator*() const noexcept { return entry_->policy; }
    P* operator->() const noexcept { return &entry_->policy; }

   private:
    friend class keyed;
    handle(keyed* all, entry* e) noexcept : all_(all), entry_(e) {
      if (entry_) all_->use(*entry_);
    }
    keyed* all_ = nullptr;
    entry* entry_ = nullptr;
  };

  // make(key) gives the policy for a key. Throws std::invalid_argument for a limit of 0.
  template <class Make>
    requires std::is_invocable_r_v<P, Make&, const Key&>
  keyed(detail::amount limit, Make make)
      : limit_(detail::checked_key_limit(limit)),
        make_(std::make_unique<maker_model<Make>>(std::move(make))) {}
  explicit keyed(detail::amount limit)
    requires std::is_default_constructible_v<P>
      : keyed(limit, [](const Key&) { return P(); }) {}
  keyed(const keyed&) = delete;
  keyed& operator=(const keyed&) = delete;
  ~keyed() {
    for (const auto& [key, e] : entries_)
      if (e.users > 0) detail::fatal("a keyed registry was destroyed before a handle or a call");
  }

  // The policy for the key, made if it is not there. Throws what make() throws, and std::bad_alloc.
  template <class K = Key>
  handle get(const K& key) {
    if (handle there = find(key)) return there;
    if (entries_.size() >= limit_ && !make_room()) return handle();
    return handle(this, &entries_.try_emplace(Key(key), *make_, Key(key)).first->second);
  }

  // The policy for the key if it is there, else no handle: for looking, without making one.
  template <class K = Key>
  handle find(const K& key) {
    const auto found = entries_.find(key);
    return found != entries_.end() ? handle(this, &found->second) : handle();
  }

  // As policy<P>::run, with the key's policy, which is kept until the call has ended. Cancelled
  // likewise.
  template <class K, class F, class... Args>
    requires detail::callable_again<F, Args...>
  task<outcome<detail::call_value_t<F, Args...>>> run(const K& key, F fn, Args... args) {
    return start<outcome<detail::call_value_t<F, Args...>>>(get(key), std::move(fn),
                                                            std::move(args)...);
  }
  // The throwing form. Cancelled likewise.
  template <class K, class F, class... Args>
    requires detail::callable_again<F, Args...>
  task<detail::call_value_t<F, Args...>> operator()(const K& key, F fn, Args... args) {
    return start<detail::call_value_t<F, Args...>>(get(key), std::move(fn), std::move(args)...);
  }

  std::size_t size() const noexcept { return entries_.size(); }
  std::size_t limit() const noexcept { return limit_; }
  // How many were dropped to make room.
  std::uint64_t dropped() const noexcept { return dropped_; }
  // fn(const Key&, P&) for each, in no order; fn must not use the registry.
  template <class Fn>
  void for_each(Fn fn) {
    for (auto& [key, e] : entries_) fn(key, e.policy);
  }

 private:
  struct maker {
    maker() = default;
    maker(const maker&) = delete;
    maker& operator=(const maker&) = delete;
    virtual ~maker() = default;
    virtual P make(const Key& key) = 0;
  };
  template <class Make>
  struct maker_model final : maker {
    explicit maker_model(Make m) : fn(std::move(m)) {}
    P make(const Key& key) override { return fn(key); }
    Make fn;
  };
  struct entry : detail::list_node {
    entry(maker& m, const Key& k) : policy(m.make(k)), key(k) {}
    P policy;
    Key key;
    std::size_t users = 0;
  };
  // Stands in a call for its handle, or for the lack of one.
  struct holder {
    class layer {
     public:
      explicit layer(const holder& h) noexcept : is_there_(h.kept) {}
      admission enter(call_context&) const noexcept {
        if (is_there_) return admission::go();
        return rejection{rejection_reason::limit_exceeded};
      }
      template <class T>
      void leave(call_context&, outcome<T>&) const noexcept {}

     private:
      bool is_there_;
    };
    handle kept;
  };

  template <class Given, class F, class... Args>
  static task<Given> start(handle h, F fn, Args... args) {
    using value = detail::call_value_t<F, Args...>;
    if (!h)
      return detail::run_policies<Given, value>(std::tuple<holder>(holder{}), std::move(fn),
                                                std::move(args)...);
    P& p = *h;
    return detail::run_policies<Given, value>(std::tuple<holder, P&>(holder{std::move(h)}, p),
                                              std::move(fn), std::move(args)...);
  }

  void use(entry& e) noexcept {
    if (e.linked()) unused_.remove(e);
    ++e.users;
  }
  void release(entry& e) noexcept {
    if (--e.users == 0) unused_.push_back(e);
  }
  // Drops the one that was used least recently of those that may go.
  bool make_room() {
    const detail::time_point now = detail::policy_now();
    entry* goes = nullptr;
    auto best = detail::replaceable::no;
    unused_.for_each([&](entry& e) {
      if (best == detail::replaceable::yes) return;
      const detail::replaceable r = detail::replaceable_now(std::as_const(e.policy), now);
      if (r <= best) return;
      best = r;
      goes = &e;
    });
    if (!goes) return false;
    unused_.remove(*goes);
    entries_.erase(entries_.find(goes->key));
    ++dropped_;
    return true;
  }

  std::size_t limit_;
  std::uint64_t dropped_ = 0;
  std::unique_ptr<maker> make_;
  std::unordered_map<Key, entry, detail::key_hash<Key>, detail::key_equal> entries_;
  detail::intrusive_list<entry> unused_;  // least recently used first
};

}  // namespace rondo
