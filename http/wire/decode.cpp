#include <rondo/http/errors.hpp>
#include <rondo/http/wire/ascii.hpp>
#include <rondo/http/wire/decode.hpp>

#include <algorithm>

namespace rondo::http::detail {
namespace {

constexpr std::size_t room_bytes = 32 * 1024;
// Of the decoders in one step. Each takes a piece of input or fills a room, so that a step is
// about two mebibytes of work at most.
constexpr std::size_t runs_a_step = 64;

std::unique_ptr<decoder> make_decoder(std::string_view coding) {
#ifdef RONDO_HAVE_ZLIB
  if (iequals(coding, "gzip") || iequals(coding, "x-gzip")) return make_gzip_decoder();
  if (iequals(coding, "deflate")) return make_deflate_decoder();
#endif
#ifdef RONDO_HAVE_BROTLI
  if (iequals(coding, "br")) return make_brotli_decoder();
#endif
#ifdef RONDO_HAVE_ZSTD
  if (iequals(coding, "zstd")) return make_zstd_decoder();
#endif
  throw body_error(body_error::reason::bad_coding,
                   "the body has a content coding that is not known here: " + std::string(coding));
}

}  // namespace

void bad_coding(const char* coding, const std::string& what) {
  throw body_error(body_error::reason::bad_coding,
                   "the body's " + std::string(coding) + " coding is bad: " + what);
}

std::string_view accepted_codings() noexcept {
  static const std::string all = [] {
    std::string s;
#ifdef RONDO_HAVE_ZLIB
    s += ", gzip, deflate";
#endif
#ifdef RONDO_HAVE_BROTLI
    s += ", br";
#endif
#ifdef RONDO_HAVE_ZSTD
    s += ", zstd";
#endif
    return s.empty() ? std::string("identity") : s.substr(2);
  }();
  return all;
}

std::vector<std::string> content_codings(const headers& fields) {
  std::vector<std::string> out;
  for (const auto& [name, value] : fields) {
    if (!iequals(name, "content-encoding")) continue;
    for (std::string_view rest = value; !rest.empty();) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      const std::string_view coding = trim_ows(rest.substr(0, comma));
      rest.remove_prefix(std::min(comma + 1, rest.size()));
      if (!coding.empty() && !iequals(coding, "identity")) out.emplace_back(coding);
    }
  }
  return out;
}

body_decoder::body_decoder(const std::vector<std::string>& codings, std::uint64_t limit)
    : limit_(limit) {
  if (codings.size() > max_codings)
    throw body_error(body_error::reason::bad_coding,
                     "the body has " + std::to_string(codings.size()) +
                         " content codings one upon another; at most " +
                         std::to_string(max_codings) + " are taken off");
  for (auto coding = codings.rbegin(); coding != codings.rend(); ++coding)
    stages_.push_back(
        {.d = make_decoder(*coding), .room = std::vector<std::byte>(room_bytes), .made = {}});
}

body_decoder::step body_decoder::next() {
  any_ = any_ || !input_.empty();
  runs_left_ = runs_a_step;
  if (fill(stages_.size() - 1)) return {std::exchange(stages_.back().made, {}), false};
  return {{}, runs_left_ > 0};
}

// Makes the stage have something to give; false when more input is needed for that, or the step is
// over.
bool body_decoder::fill(std::size_t i) {
  stage& s = stages_[i];
  if (!s.made.empty()) return true;
  std::span<const std::byte>& in = i == 0 ? input_ : stages_[i - 1].made;
  for (;;) {
    if (in.empty() && !s.full && (i == 0 || !fill(i - 1))) return false;
    if (runs_left_ == 0) return false;
    --runs_left_;
    const decoder::step step = s.d->run(in, s.room);
    in = in.subspan(step.consumed);
    s.full = step.produced == s.room.size();
    if (step.produced > 0) {
      if (step.produced > limit_ - s.total)
        throw body_error(body_error::reason::too_large,
                         "the body makes more than " + std::to_string(limit_) +
                             " bytes when it is decoded (client_options::max_decoded)");
      s.total += step.produced;
      s.made = std::span<const std::byte>(s.room).first(step.produced);
      return true;
    }
  }
}

void body_decoder::finish() const {
  if (!any_) return;
  for (const stage& s : stages_)
    if (!s.d->ended())
      throw body_error(body_error::reason::truncated,
                       "the body's content coding breaks off before its end");
}

}  // namespace rondo::http::detail
