#include <rondo/net/file_watch.hpp>
#include <rondo/net/parts/path.hpp>
#include <rondo/net/parts/pipe_end.hpp>

#include <sys/inotify.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <system_error>

namespace rondo::net {

namespace {

constexpr std::size_t events_at_once = std::size_t{16} * 1024;
constexpr std::uint32_t watched = IN_CREATE | IN_DELETE | IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB |
                                  IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF;

// nullopt: of no interest.
std::optional<change_kind> kind_of_change(std::uint32_t mask) noexcept {
  if (mask & IN_Q_OVERFLOW) return change_kind::overflow;
  if (mask & IN_CREATE) return change_kind::created;
  if (mask & IN_DELETE) return change_kind::removed;
  if (mask & IN_MODIFY) return change_kind::modified;
  if (mask & IN_CLOSE_WRITE) return change_kind::written;
  if (mask & IN_ATTRIB) return change_kind::attributes;
  if (mask & IN_MOVED_FROM) return change_kind::moved_from;
  if (mask & IN_MOVED_TO) return change_kind::moved_to;
  if (mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT)) return change_kind::watched_gone;
  return std::nullopt;
}

int number_of_watch(const pipe_stream& s) {
  const auto& end = detail::pipe_access::peek(s);
  return end ? end->fd() : -1;
}

}  // namespace

file_watch::file_watch() {
  detail::owned_descriptor fd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!fd) throw std::system_error(errno, std::system_category(), "watch files");
  events_ = detail::pipe_access::make(std::move(fd), {.reads = true});
}

void file_watch::add(const std::string& path) {
  detail::refuse_nul(path, "watch");
  const int id = ::inotify_add_watch(number_of_watch(events_), path.c_str(), watched);
  if (id < 0) throw std::system_error(errno, std::system_category(), "watch " + path);
  paths_[id] = path;
}

bool file_watch::remove(const std::string& path) noexcept {
  const auto found =
      std::ranges::find_if(paths_, [&](const auto& entry) { return entry.second == path; });
  if (found == paths_.end()) return false;
  ::inotify_rm_watch(number_of_watch(events_), found->first);  // then comes IN_IGNORED
  return true;
}

task<file_change> file_watch::next() {
  for (;;) {
    if (at_ == buffer_.size()) {
      // Into a buffer of its own: what is read is ours only when it has come.
      std::vector<std::byte> fresh(events_at_once);
      fresh.resize(co_await events_.read_some(fresh));
      buffer_ = std::move(fresh);
      at_ = 0;
    }
    inotify_event e{};
    std::memcpy(&e, buffer_.data() + at_, sizeof e);
    const char* name = reinterpret_cast<const char*>(buffer_.data() + at_ + sizeof e);
    file_change c;
    c.is_folder = (e.mask & IN_ISDIR) != 0;
    c.cookie = e.cookie;
    if (const auto of = paths_.find(e.wd); of != paths_.end()) {
      c.path = of->second;
      if (e.len > 0) c.path += (c.path.ends_with('/') ? "" : "/") + std::string(name);
      if (e.mask & IN_IGNORED) paths_.erase(of);
    }
    at_ += sizeof e + e.len;
    if (const auto kind = kind_of_change(e.mask)) {
      c.what = *kind;
      co_return c;
    }
  }
}

}  // namespace rondo::net
