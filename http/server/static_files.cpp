#include <rondo/http/parts/random_bytes.hpp>
#include <rondo/http/percent.hpp>
#include <rondo/http/server/conditions.hpp>
#include <rondo/http/server/file_body.hpp>
#include <rondo/http/server/media_types.hpp>
#include <rondo/http/server/ranges.hpp>
#include <rondo/http/server/static_files.hpp>
#include <rondo/http/wire/ascii.hpp>
#include <rondo/http/wire/http_date.hpp>
#include <rondo/runtime/core/unhandled.hpp>
#include <rondo/runtime/core/wall_clock.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <exception>
#include <memory>
#include <span>
#include <system_error>
#include <utility>

namespace rondo::http::detail {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

// Read as a whole, and sent with the head in one write.
constexpr std::uint64_t largest_small_file = 64 * 1024;
// A file changed more recently may change again without a sign: file systems have coarse clocks.
constexpr auto settled_after = 2s;

// As nginx and others have it, of what tells one state of a file from another.
entity_tag tag_of(const net::file_status& s, bool settled) {
  std::array<char, 4 * 17> text{};
  char* at = text.data();
  const auto put = [&](std::uint64_t n) {
    if (at != text.data()) *at++ = '-';
    at = std::to_chars(at, text.data() + text.size(), n, 16).ptr;
  };
  put(s.device);
  put(s.inode);
  put(s.size);
  put(static_cast<std::uint64_t>(s.modified.time_since_epoch().count()));
  return {std::string(text.data(), at), !settled};
}

validators validators_of(const net::file_status& s, std::chrono::sys_time<nanoseconds> now) {
  using std::chrono::floor;
  using std::chrono::seconds;
  const bool settled = now - s.modified >= settled_after;
  // RFC 9110, section 8.8.2.1: not later than the message itself.
  return {tag_of(s, settled), floor<seconds>(std::min(s.modified, now)), !settled};
}

// `size` bytes from the beginning; fewer where the file ends.
task<std::string> read_beginning(net::file& f, std::uint64_t size) {
  std::string text(static_cast<std::size_t>(size), '\0');
  const std::span<std::byte> room = std::as_writable_bytes(std::span(text.data(), text.size()));
  std::size_t have = f.read_now(0, room).value_or(0);
  while (have < text.size()) {
    const std::size_t n = co_await f.read_at(have, room.subspan(have));
    if (n == 0) break;
    have += n;
  }
  text.resize(have);
  co_return text;
}

std::string_view type_of(std::string_view name, const file_options& options) {
  if (!options.types_.empty()) {
    extension_room room{};
    const std::string_view extension = extension_of(name, room);
    for (const auto& [known, type] : options.types_)
      if (known == extension) return type;
  }
  return media_type_of(name);
}

server_response several_parts(net::file f, const selection& chosen, std::uint64_t size,
                              std::string_view type) {
  multipart_ranges framed = frame_ranges(chosen.parts, size, type, random_hex(16));
  std::vector<file_body::piece> pieces;
  pieces.reserve(chosen.parts.size() + 1);
  for (std::size_t i = 0; i < chosen.parts.size(); ++i)
    pieces.push_back({std::move(framed.heads[i]), chosen.parts[i].first, chosen.parts[i].size});
  pieces.push_back({std::move(framed.tail), 0, 0});
  return server_response::stream(std::make_unique<file_body>(std::move(f), std::move(pieces)),
                                 framed.size, 206)
      .header("Content-Type", framed.content_type);
}

server_response one_part(net::file f, byte_range part, int status, std::string_view type) {
  std::vector<file_body::piece> pieces{{{}, part.first, part.size}};
  return server_response::stream(std::make_unique<file_body>(std::move(f), std::move(pieces)),
                                 part.size, status)
      .header("Content-Type", type);
}

// The fields that a 200 and a 304 share (RFC 9110, section 15.4.5).
void add_common(server_response& r, const validators& v, const file_options& options) {
  r.add_header("ETag", v.tag->to_string());
  r.add_header("Last-Modified", http_date(*v.modified));
  if (!options.cache_control_.empty()) r.add_header("Cache-Control", options.cache_control_);
  if (options.precompressed_) r.add_header("Vary", "Accept-Encoding");
}

// "q" of a member of Accept-Encoding, in thousandths; one that is not well-formed counts as 0.
int weight_of(std::string_view parameters) noexcept {
  const std::size_t q = parameters.find("q=");
  if (parameters.empty()) return 1000;
  if (q == std::string_view::npos) return 0;
  std::string_view text = trim_ows(parameters.substr(q + 2));
  if (text.empty() || text.size() > 5 || (text.front() != '0' && text.front() != '1')) return 0;
  int n = (text.front() - '0') * 1000;
  if (text.size() > 1 && text[1] != '.') return 0;
  for (std::size_t i = 2, unit = 100; i < text.size(); ++i, unit /= 10) {
    if (!is_digit(text[i])) return 0;
    n += static_cast<int>(unit) * (text[i] - '0');
  }
  return std::min(n, 1000);
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out += c;
    }
  }
  return out;
}

// How many segments a path has before its last "/".
std::size_t segments_before_the_end(std::string_view prefix) noexcept {
  const auto slashes = static_cast<std::size_t>(std::ranges::count(prefix, '/'));
  return slashes > 0 ? slashes - 1 : 0;
}

std::string path_and_query(const server_request& r, std::string_view added) {
  std::string to(r.path());
  to += added;
  if (!r.query().empty()) to.append("?").append(r.query());
  return to;
}

}  // namespace

named_file read_file_name(std::string_view path, std::size_t prefix_segments, bool dot_files) {
  named_file n;
  if (!path.starts_with('/')) return n;
  path.remove_prefix(1);
  for (; prefix_segments > 0; --prefix_segments) {
    const std::size_t end = path.find('/');
    if (end == std::string_view::npos) return n;
    path.remove_prefix(end + 1);
  }
  n.is_folder = path.empty();
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    const std::string segment = percent_decode(path.substr(0, end));
    const bool hidden = segment.starts_with('.') && !dot_files;
    if (segment.empty() || segment == "." || segment == ".." || hidden ||
        segment.find('/') != std::string::npos || segment.find('\0') != std::string::npos)
      return n;
    if (!n.path.empty()) n.path += '/';
    n.path += segment;
    n.is_folder = end + 1 == path.size();
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  n.good = true;
  return n;
}

std::vector<file_coding> accepted_file_codings(const headers& request) {
  static constexpr std::array<file_coding, 3> kept{
      {{"br", ".br"}, {"zstd", ".zst"}, {"gzip", ".gz"}}};
  std::array<int, kept.size()> weights{-1, -1, -1};
  int others = 0;  // of "*"
  for (std::string_view rest : request.get_all("Accept-Encoding")) {
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find(','), rest.size());
      const std::string_view member = rest.substr(0, end);
      rest.remove_prefix(std::min(end + 1, rest.size()));
      const std::size_t semicolon = std::min(member.find(';'), member.size());
      const std::string_view name = trim_ows(member.substr(0, semicolon));
      const int weight = weight_of(trim_ows(member.substr(std::min(semicolon + 1, member.size()))));
      if (name == "*") others = weight;
      for (std::size_t i = 0; i < kept.size(); ++i)
        if (iequals(name, kept[i].name) || (i == 2 && iequals(name, "x-gzip"))) weights[i] = weight;
    }
  }
  std::vector<std::pair<int, std::size_t>> taken;  // the heaviest first, of equal ones ours
  for (std::size_t i = 0; i < kept.size(); ++i)
    if (const int w = weights[i] < 0 ? others : weights[i]; w > 0) taken.emplace_back(-w, i);
  std::ranges::sort(taken);
  std::vector<file_coding> best;
  best.reserve(taken.size());
  for (const auto& [w, i] : taken) best.push_back(kept[i]);
  return best;
}

server_response cannot_open(std::error_code why) {
  switch (why.category() == std::system_category() ? why.value() : 0) {
    case ENOENT:
    case ENOTDIR:
    case ELOOP:
    case EXDEV:  // it leads out
    case ENAMETOOLONG:
    case EINVAL:
    case EISDIR:
    case ENXIO:  // a socket
      return server_response::text("no such path\n", 404);
    case EACCES:
    case EPERM: return server_response::text("this may not be read\n", 403);
    case EMFILE:
    case ENFILE:
    case ENOMEM: return server_response::text("too busy\n", 503);
    default: break;
  }
  rondo::detail::report_unhandled(
      std::make_exception_ptr(std::system_error(why, "a file that was asked for")));
  return server_response::text("the file cannot be read\n", 500);
}

task<server_response> answer_with_file(const server_request& request, net::file f,
                                       const file_options& options, std::string_view name,
                                       std::string_view coding) {
  const net::file_status status = f.status_when_opened();
  if (status.what != net::file_status::type::regular)
    co_return server_response::text("no such path\n", 404);
  const auto now = rondo::detail::wall_clock_now();
  const validators current = validators_of(status, now);
  const selection chosen = select(request.method(), request.headers(), current, status.size,
                                  std::chrono::floor<std::chrono::seconds>(now));
  const std::string_view type = type_of(name, options);
  const bool head_only = request.method() == "HEAD";
  server_response r(chosen.status);
  switch (chosen.status) {
    case 304: break;
    case 412: co_return server_response::text("the file is not what was expected\n", 412);
    case 416:
      co_return server_response::text("no such part of the file\n", 416)
          .header("Content-Range", unsatisfied_range(status.size));
    case 206:
      r = chosen.parts.size() == 1 ? one_part(std::move(f), chosen.parts.front(), 206, type)
                                   : several_parts(std::move(f), chosen, status.size, type);
      if (chosen.parts.size() == 1)
        r.add_header("Content-Range", content_range(chosen.parts.front(), status.size));
      break;
    default:
      if (head_only) {
        r.add_header("Content-Type", type);
        r.add_header("Content-Length", std::to_string(status.size));
      } else if (status.size <= largest_small_file) {
        std::string text = co_await read_beginning(f, status.size);
        if (text.size() < status.size) throw_file_shrank();
        r = server_response::bytes(std::move(text)).header("Content-Type", type);
      } else {
        r = one_part(std::move(f), {0, status.size}, 200, type);
      }
  }
  if (chosen.status != 304) {
    r.add_header("Accept-Ranges", "bytes");
    if (!coding.empty()) r.add_header("Content-Encoding", coding);
  }
  add_common(r, current, options);
  co_return r;
}

static_files::static_files(std::string_view prefix, net::root_directory folder,
                           file_options options)
    : folder_(std::move(folder)),
      options_(std::move(options)),
      prefix_segments_(segments_before_the_end(prefix)) {}

task<server_response> static_files::operator()(server_request& request) {
  named_file name = read_file_name(request.path(), prefix_segments_, options_.dot_files_);
  if (name.good) return answer(request, std::move(name));
  return [](server_response r) -> task<server_response> {
    co_return r;
  }(server_response::text("no such path\n", 404));
}

task<server_response> static_files::answer(server_request& request, named_file name) {
  std::string path = name.path;
  if (name.is_folder) {
    if (options_.index_.empty()) co_return co_await list(request, std::move(name));
    if (!path.empty()) path += '/';
    path += options_.index_;
  }
  std::error_code error;
  if (options_.precompressed_) {
    for (const file_coding& coding : accepted_file_codings(request.headers())) {
      net::file f = co_await folder_.open_file(path + std::string(coding.suffix), error);
      if (error || f.status_when_opened().what != net::file_status::type::regular) continue;
      co_return co_await answer_with_file(request, std::move(f), options_, path, coding.name);
    }
  }
  net::file f = folder_.open_file_now(path, error);
  if (error == std::errc::resource_unavailable_try_again)
    f = co_await folder_.open_file(path, error);
  if (error == std::errc::no_such_file_or_directory && name.is_folder && options_.listing_)
    co_return co_await list(request, std::move(name));
  if (error) co_return cannot_open(error);
  if (f.status_when_opened().what == net::file_status::type::directory && !name.is_folder)
    co_return server_response(301).header("Location", path_and_query(request, "/"));
  co_return co_await answer_with_file(request, std::move(f), options_, path, {});
}

task<server_response> static_files::list(server_request& request, named_file name) {
  if (!options_.listing_) co_return server_response::text("no such path\n", 404);
  std::vector<net::directory_entry> entries;
  try {
    entries = co_await folder_.entries(name.path);
  } catch (const std::system_error& e) {
    co_return cannot_open(e.code());
  }
  const std::string title = escaped(percent_decode(request.path()));
  std::string page = "<!DOCTYPE html>\n<meta charset=\"utf-8\">\n<title>" + title +
                     "</title>\n<h1>" + title + "</h1>\n<ul>\n";
  if (!name.path.empty()) page += "<li><a href=\"../\">../</a>\n";
  for (const net::directory_entry& e : entries) {
    if (e.name.starts_with('.') && !options_.dot_files_) continue;
    const bool folder = e.kind == net::entry_kind::folder;
    const std::string end = folder ? "/" : "";
    page.append("<li><a href=\"./").append(percent_encode(e.name)).append(end).append("\">");
    page.append(escaped(e.name)).append(end).append("</a>\n");
  }
  page += "</ul>\n";
  co_return server_response::bytes(std::move(page))
      .header("Content-Type", "text/html; charset=utf-8");
}

}  // namespace rondo::http::detail

namespace rondo::http {

task<server_response> server_response::file(const server_request& request, std::string path,
                                            file_options options) {
  net::file f;
  try {
    f = co_await net::file::open(path);
  } catch (const std::system_error& e) {
    co_return detail::cannot_open(e.code());
  }
  co_return co_await detail::answer_with_file(request, std::move(f), options, path, {});
}

}  // namespace rondo::http
