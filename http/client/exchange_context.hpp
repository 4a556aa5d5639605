// What every part of an exchange goes by: the settings that hold for it; the phase under way, so
// that whoever catches an error or a timeout can name it; and the tracer, which sees each step.
// Internal.
#pragma once

#include <rondo/http/client/settings.hpp>
#include <rondo/http/errors.hpp>
#include <rondo/http/tracer.hpp>
#include <rondo/http/url.hpp>
#include <rondo/runtime/core/clock.hpp>
#include <rondo/runtime/scope.hpp>
#include <rondo/runtime/task.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

namespace rondo::http::detail {

class exchange_context {
 public:
  // Of a client and of one request; `own` is null when that sets nothing. All three outlive it.
  exchange_context(const settings& common, const settings* own, const http::url& url) noexcept;

  // Of the request as it is now, after redirects.
  const http::url& url() const noexcept { return url_; }
  void enter(phase p) noexcept { phase_ = p; }
  phase current_phase() const noexcept { return phase_; }

  // The request's own, or else the client's.
  template <class M>
  const std::optional<M>& if_set(std::optional<M> settings::* m) const noexcept {
    return own_ && own_->*m ? own_->*m : common_.*m;
  }
  // The same of what every client has.
  template <class M>
  const M& setting(std::optional<M> settings::* m) const noexcept {
    return *if_set(m);
  }
  rondo::detail::nanoseconds limit(phase p) const noexcept {
    if (own_)
      if (const auto own = own_->limits.get(p)) return *own;
    return common_.limits.get(p).value_or(no_limit);
  }
  // What `t` gives, or timeout_error(p) when the phase's own time has run out.
  template <class T>
  task<T> within(phase p, task<T> t) const;

  // null: nobody looks.
  const std::shared_ptr<tracer>& shared_tracer() const noexcept {
    return own_ && own_->trace ? own_->trace : common_.trace;
  }
  bool is_traced() const noexcept { return tracer_ != nullptr; }
  // Of the exchange, for the tracer.
  std::uint64_t number() const noexcept { return number_; }
  // For the tracer both are one exchange.
  void count_as(const exchange_context& other) noexcept { number_ = other.number_; }
  void trace(trace_point what, std::string_view text = {}, std::uint64_t number = 0) const {
    if (tracer_) [[unlikely]]
      tell(what, text, number, trace_clock());
  }
  void trace_at(std::chrono::steady_clock::time_point at, trace_point what) const {
    if (tracer_) [[unlikely]]
      tell(what, {}, 0, at);
  }

 private:
  void tell(trace_point what, std::string_view text, std::uint64_t number,
            std::chrono::steady_clock::time_point at) const;

  const settings& common_;
  const settings* own_;
  const http::url& url_;
  phase phase_ = phase::url;
  tracer* tracer_;
  std::uint64_t number_ = 0;
};

template <class T>
task<T> exchange_context::within(phase p, task<T> t) const {
  const rondo::detail::nanoseconds d = limit(p);
  if (d == no_limit) co_return co_await std::move(t);
  auto result = co_await try_for(d, std::move(t));
  if (!result) throw timeout_error(p);
  if constexpr (!std::is_void_v<T>) co_return std::move(*result);
}

}  // namespace rondo::http::detail
