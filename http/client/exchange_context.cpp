#include <rondo/http/client/exchange_context.hpp>

#include <atomic>
#include <string>

namespace rondo::http::detail {
namespace {

std::atomic<std::uint64_t> exchanges_traced{0};

}  // namespace

exchange_context::exchange_context(const settings& common, const settings* own,
                                   const http::url& url) noexcept
    : common_(common), own_(own), url_(url), tracer_(shared_tracer().get()) {
  if (tracer_) number_ = ++exchanges_traced;
}

void exchange_context::tell(trace_point what, std::string_view text, std::uint64_t number,
                            std::chrono::steady_clock::time_point at) const {
  const std::string shown = url_.redacted();
  tracer_->on({what, number_, at, shown, text, number});
}

}  // namespace rondo::http::detail
