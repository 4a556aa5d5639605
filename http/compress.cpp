#include <rondo/http/compress.hpp>
#include <rondo/http/server/negotiation.hpp>
#include <rondo/http/wire/ascii.hpp>
#include <rondo/http/wire/encoder.hpp>
#include <rondo/http/wire/media_type.hpp>

#include <algorithm>
#include <array>
#include <stdexcept>

namespace rondo::http {
namespace {

// Compressed in one step; a larger body in several, so that others run in between.
constexpr std::size_t one_step = 64 * 1024;

bool shrinks(std::string_view type) noexcept {
  if (detail::iequals(type, "text/event-stream")) return false;
  static constexpr std::array<std::string_view, 6> known{
      "application/json", "application/javascript", "application/xml",
      "application/wasm", "image/svg+xml",          "application/manifest+json"};
  const auto is = [type](std::string_view k) { return detail::iequals(k, type); };
  return std::ranges::any_of(known, is) || detail::iequals(type.substr(0, 5), "text/") ||
         type.ends_with("+json") || type.ends_with("+xml");
}

bool may_be_coded(const server_response& answer) {
  const http::headers& fields = answer.headers();
  const int status = answer.status();
  return status >= 200 && status != 204 && status != 205 && status != 206 && status != 304 &&
         !fields.contains("Content-Encoding") && !fields.contains("Content-Range") &&
         !fields.has_token("Cache-Control", "no-transform") &&
         shrinks(detail::parameter_reader(fields.get("Content-Type").value_or("")).value());
}

class coded_source final : public body_source {
 public:
  coded_source(std::unique_ptr<body_source> inner, std::unique_ptr<detail::encoder> coder,
               bool flushes) noexcept
      : inner_(std::move(inner)), coder_(std::move(coder)), flushes_(flushes) {}

  task<std::optional<std::string>> next() override {
    std::string out;
    while (out.empty() && coder_) {
      if (done_ == piece_.size()) {
        done_ = 0;
        std::optional<std::string> piece = co_await inner_->next();
        if (!piece) {
          coder_->run({}, out, detail::flush::end);
          coder_.reset();
          break;
        }
        piece_ = *std::move(piece);
      }
      const std::string_view step = std::string_view(piece_).substr(done_, one_step);
      done_ += step.size();
      const bool flushed = flushes_ && done_ == piece_.size();
      coder_->run(step, out, flushed ? detail::flush::pieces : detail::flush::none);
    }
    if (out.empty()) co_return std::nullopt;
    co_return out;
  }
  http::headers trailers() override { return inner_->trailers(); }

 private:
  std::unique_ptr<body_source> inner_;
  std::unique_ptr<detail::encoder> coder_;  // null: the end has been given
  std::string piece_;
  std::size_t done_ = 0;  // of the piece
  bool flushes_;
};

}  // namespace

#if RONDO_HAVE_ZLIB
const bool compress::is_built_in = true;
#else
const bool compress::is_built_in = false;
#endif

compress& compress::level(int n) {
  if (n < 1 || n > 9)
    throw std::invalid_argument("a level of compression is from 1 to 9, not " + std::to_string(n));
  level_ = n;
  return *this;
}

task<server_response> compress::operator()(server_request& r, next& rest) const {
  server_response answer = co_await rest(r);
  if (!is_built_in || !may_be_coded(answer)) co_return answer;
  http::headers& fields = answer.headers();
  if (!fields.has_token("Vary", "Accept-Encoding") && !fields.has_token("Vary", "*"))
    fields.add("Vary", "Accept-Encoding");
  const int gzip = detail::weight_of_coding(r.headers(), "gzip");
  if (gzip == 0 || gzip < detail::weight_of_coding(r.headers(), "identity")) co_return answer;
  // The answer to HEAD may have no body, and a Content-Length of what GET would give.
  const std::uint64_t size = answer.size().value_or(least_);
  if (size < least_ || (!answer.is_streamed() && answer.body().empty())) co_return answer;

  fields.set("Content-Encoding", "gzip");
  fields.remove("Accept-Ranges");
  if (const auto tag = fields.get("ETag"); tag && !tag->starts_with("W/"))
    fields.set("ETag", "W/" + std::string(*tag));
  auto coder = detail::make_gzip_encoder(level_);
  if (!answer.is_streamed() && answer.body().size() <= one_step) {
    std::string out;
    coder->run(answer.body(), out, detail::flush::end);
    answer.replace_body(std::move(out));
    co_return answer;
  }
  const bool flushes = answer.flushes_pieces();
  answer.replace_body(
      std::make_unique<coded_source>(answer.take_body(), std::move(coder), flushes));
  co_return answer;
}

std::string compressed(std::string_view bytes, std::string_view coding) {
  static constexpr int usual_level = 6;
  auto coder = coding == "gzip"      ? detail::make_gzip_encoder(usual_level)
               : coding == "deflate" ? detail::make_deflate_encoder(usual_level)
                                     : nullptr;
  if (!coder)
    throw std::invalid_argument("a content coding that is not built in: \"" + std::string(coding) +
                                '"');
  std::string out;
  coder->run(bytes, out, detail::flush::end);
  return out;
}

}  // namespace rondo::http
