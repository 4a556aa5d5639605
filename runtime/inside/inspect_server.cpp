#include <rondo/runtime/core/immortal.hpp>
#include <rondo/runtime/inside/background_thread.hpp>
#include <rondo/runtime/inside/inspect_server.hpp>
#include <rondo/runtime/inside/json_text.hpp>
#include <rondo/runtime/inside/listing.hpp>
#include <rondo/runtime/inside/stall_watch.hpp>
#include <rondo/runtime/inside/watched_loop.hpp>
#include <rondo/runtime/log.hpp>
#include <rondo/version.hpp>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>
#include <system_error>
#include <utility>
#include <vector>

namespace rondo::detail {
namespace {

constexpr std::size_t most_clients = 16;
constexpr std::size_t longest_request = 100;

// The lines of a text as an array of JSON.
void append_json_lines(std::string& out, std::string_view text) {
  out += '[';
  bool more = false;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    if (std::exchange(more, true)) out += ',';
    append_json_text(out, line);
  }
  out += ']';
}

void append_blocked(std::string& out, watched_loop& l) {
  stack_capture c;
  const bool captured = l.capture(c);
  nanoseconds since{};
  l.running_step(since);
  json_object line(out);
  line.number("loop", l.id()).number("thread", l.thread()).text("reactor", l.reactor());
  line.yes("blocked");
  line.number("ms", std::chrono::duration_cast<std::chrono::milliseconds>(since).count());
  if (!captured) return;
  append_json_lines(line.key("stack"), stack_text(c));
  if (!c.in_step) return;
  if (const std::string name = c.story.name(); !name.empty()) line.text("name", name);
  std::string story;
  c.story.append_to(story);
  append_json_lines(line.key("story"), story);
}

std::string answer(std::string_view request) {
  std::string out;
  json_object(out)
      .text("rondo", version())
      .number("pid", ::getpid())
      .text("program", program_invocation_short_name);
  if (request == "tasks" || request == "loops") {
    for (const auto& l : watched_loops())
      if (!listing::of(l, request == "tasks", out)) append_blocked(out, *l);
  } else if (request == "stalls") {
    for (const stall_place& s : stalls_seen())
      json_object(out)
          .number("thread", s.thread)
          .number("times", s.times)
          .number("longest_ms",
                  std::chrono::duration_cast<std::chrono::milliseconds>(s.longest).count())
          .text("text", s.text);
  } else {
    json_object(out).text("error", "a request is loops, tasks or stalls");
  }
  json_object(out).yes("end");
  return out;
}

class inspect_server {
 public:
  static inspect_server& get() {
    static immortal<inspect_server> s;  // a thread may outlive main
    return s.value;
  }

  bool acquire(const std::string& where) {
    const std::scoped_lock lock(mutex_);
    if (process_ != ::getpid()) {  // a child of fork: the parent's socket is not ours
      users_ = 0;
      process_ = ::getpid();
    }
    if (users_ == 0 && !open(where)) return false;
    ++users_;
    return true;
  }
  void release() {
    const std::scoped_lock lock(mutex_);
    if (process_ != ::getpid() || --users_ > 0) return;
    const std::uint64_t one = 1;
    while (::write(wake_, &one, sizeof one) < 0 && errno == EINTR) {
    }
    std::unique_lock ended(ended_mutex_);
    ended_.wait(ended, [this] { return !running_; });
    ::close(std::exchange(wake_, -1));  // not by the thread, which may end before it is woken
    ::unlink(path_.c_str());
  }

 private:
  bool open(const std::string& where) {
    const bool named = where != "1";
    path_ = named ? where : default_inspect_path();
    try {
      if (!named) make_folder(path_.substr(0, path_.rfind('/')));
      listener_ = listen_at(path_);
      wake_ = ::eventfd(0, EFD_CLOEXEC);
      running_ = true;
      start_thread([](void* self) { static_cast<inspect_server*>(self)->serve(); }, this);
      return true;
    } catch (const std::system_error& e) {
      running_ = false;
      log(log_level::warning, "runtime",
          "nobody can look inside: the inspect socket " + path_ + ": " + e.what());
      return false;
    }
  }
  static void make_folder(const std::string& folder) {
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) fail("mkdir");
    struct stat s{};
    if (::lstat(folder.c_str(), &s) != 0) fail("lstat");
    if (!S_ISDIR(s.st_mode) || s.st_uid != ::geteuid() || (s.st_mode & 077) != 0)
      throw std::system_error(EPERM, std::system_category(),
                              "its folder must be the user's, and for nobody else");
  }
  [[noreturn]] static void fail(const char* call) {
    throw std::system_error(errno, std::system_category(), call);
  }
  static int listen_at(const std::string& path) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    if (path.size() >= sizeof name.sun_path)
      throw std::system_error(ENAMETOOLONG, std::system_category());
    std::memcpy(name.sun_path, path.c_str(), path.size() + 1);
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) fail("socket");
    const auto* const address = reinterpret_cast<const sockaddr*>(&name);
    try {
      if (::fchmod(fd, 0600) != 0) fail("fchmod");  // before it has a name
      if (::bind(fd, address, sizeof name) != 0) {
        if (errno != EADDRINUSE) fail("bind");
        // One that a process has left behind makes way.
        const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const bool refused = ::connect(probe, address, sizeof name) != 0 && errno == ECONNREFUSED;
        ::close(probe);
        if (!refused) throw std::system_error(EADDRINUSE, std::system_category(), "bind");
        ::unlink(path.c_str());
        if (::bind(fd, address, sizeof name) != 0) fail("bind");
      }
      if (::listen(fd, 8) != 0) fail("listen");
    } catch (...) {
      ::close(fd);
      throw;
    }
    return fd;
  }

  struct client {
    int fd;
    std::string request;
  };
  void serve() {
    const int listener = listener_;
    const int wake = wake_;
    std::vector<client> clients;
    for (;;) {
      std::vector<pollfd> looks{{wake, POLLIN, 0}, {listener, POLLIN, 0}};
      for (const client& c : clients) looks.push_back({c.fd, POLLIN, 0});
      if (::poll(looks.data(), looks.size(), -1) < 0 && errno != EINTR) break;
      if (looks[0].revents != 0) break;
      for (std::size_t i = clients.size(); i-- > 0;) {
        if (looks[i + 2].revents == 0 || hear(clients[i])) continue;
        ::close(clients[i].fd);
        clients.erase(clients.begin() + static_cast<std::ptrdiff_t>(i));
      }
      if (looks[1].revents != 0) welcome(listener, clients);
    }
    for (const client& c : clients) ::close(c.fd);
    ::close(listener);
    {
      const std::scoped_lock lock(ended_mutex_);
      running_ = false;
    }
    ended_.notify_all();
  }
  static void welcome(int listener, std::vector<client>& clients) {
    const int fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    ucred peer{};
    socklen_t size = sizeof peer;
    const bool known = ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
                       (peer.uid == ::geteuid() || peer.uid == 0);
    const timeval limit{.tv_sec = 2, .tv_usec = 0};
    if (!known || clients.size() == most_clients ||
        ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) != 0) {
      ::close(fd);
      return;
    }
    clients.push_back({fd, {}});
  }
  // False: it has gone, or says what nobody understands.
  static bool hear(client& c) {
    char bytes[longest_request];
    const ssize_t n = ::recv(c.fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n <= 0) return n < 0 && (errno == EINTR || errno == EAGAIN);
    c.request.append(bytes, static_cast<std::size_t>(n));
    for (std::size_t end = 0; (end = c.request.find('\n')) != std::string::npos;) {
      std::string said;
      try {
        said = answer(std::string_view(c.request).substr(0, end));
      } catch (const std::bad_alloc&) {
        return false;
      }
      c.request.erase(0, end + 1);
      for (std::size_t sent = 0; sent < said.size();) {
        const ssize_t m = ::send(c.fd, said.data() + sent, said.size() - sent, MSG_NOSIGNAL);
        if (m < 0 && errno == EINTR) continue;
        if (m <= 0) return false;
        sent += static_cast<std::size_t>(m);
      }
    }
    return c.request.size() <= longest_request;
  }

  std::mutex mutex_;
  int users_ = 0;
  pid_t process_ = 0;
  std::string path_;
  int listener_ = -1;
  int wake_ = -1;
  std::mutex ended_mutex_;
  std::condition_variable ended_;
  bool running_ = false;
};

}  // namespace

std::string default_inspect_path() {
  const char* const runtime = std::getenv("XDG_RUNTIME_DIR");  // NOLINT(concurrency-mt-unsafe)
  const std::string folder = runtime && *runtime == '/'
                                 ? std::string(runtime) + "/rondo"
                                 : "/tmp/rondo-" + std::to_string(::geteuid());
  return folder + '/' + std::to_string(::getpid()) + ".sock";
}

inspect_lease::~inspect_lease() {
  if (held_) inspect_server::get().release();
}

bool inspect_lease::take(const std::string& where) {
  held_ = inspect_server::get().acquire(where);
  return held_;
}

}  // namespace rondo::detail
