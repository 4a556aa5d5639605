#include <rondo/net/process/launch.hpp>

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <system_error>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
// ThreadSanitizer takes clone() for fork() and does its bookkeeping twice in one memory. This is
// the same function under the name it does not know.
extern "C" int __clone(int (*fn)(void*), void* stack, int flags, void* arg, ...);  // NOLINT
#define RONDO_CLONE __clone
#endif
#endif
#ifndef RONDO_CLONE
#define RONDO_CLONE ::clone
#endif

namespace rondo::net::detail {

namespace {

constexpr auto by_pidfd = static_cast<idtype_t>(3);  // P_PIDFD, which older headers lack
constexpr int close_range_number = 436;              // the same on every architecture
constexpr int pidfd_open_number = 434;

enum class step : std::uint8_t { none, group, directory, descriptors, terminal, program };

// What the child reads and writes. It runs in this very memory, while the thread that made it
// stands still (vfork(2)), so it may change nothing else: it makes system calls and no others.
struct child_call {
  const char* const* paths;  // to be tried in turn, as execvp(3) does
  char* const* arguments;
  char* const* environment;
  const char* directory;
  std::pair<int, int>* descriptors;  // sorted by number in the child
  std::size_t count;
  bool own_group;
  int terminal;
  step failed = step::none;
  int error = 0;
};

// As the kernel has it, on all that Rondo runs on: the handler is first.
struct kernel_sigaction {
  std::uintptr_t handler = 0;
  std::array<unsigned long, 7> rest{};
};

// Nothing that a sanitizer keeps in memory may change there either, its stack of calls included.
#if __has_attribute(disable_sanitizer_instrumentation)
#define RONDO_IN_CHILD __attribute__((noinline, disable_sanitizer_instrumentation))
#else
#define RONDO_IN_CHILD __attribute__((noinline, no_sanitize("address", "thread", "undefined")))
#endif

RONDO_IN_CHILD int gives_up(child_call& c, step s, int error) noexcept {
  c.failed = s;
  c.error = error;
  return 127;
}

RONDO_IN_CHILD void forget_handlers() noexcept {
  constexpr long mask_size = 8;  // 64 signals
  for (int s = 1; s <= 64; ++s) {
    kernel_sigaction now;
    if (::syscall(SYS_rt_sigaction, s, nullptr, &now, mask_size) != 0) continue;
    const bool ignored = now.handler == reinterpret_cast<std::uintptr_t>(SIG_IGN);
    if (now.handler == 0 || (ignored && s != SIGPIPE)) continue;
    const kernel_sigaction standard;
    ::syscall(SYS_rt_sigaction, s, &standard, nullptr, mask_size);
  }
  const std::uint64_t none = 0;
  ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, nullptr, mask_size);
}

// Linux before 5.9: by the list of what is open (getdents64(2)).
RONDO_IN_CHILD void close_listed(const child_call& c) noexcept {
  const long folder =
      ::syscall(SYS_openat, AT_FDCWD, "/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  alignas(dirent64) std::array<char, 2048> buffer;
  for (;;) {
    const long n = folder < 0 ? 0 : ::syscall(SYS_getdents64, folder, buffer.data(), buffer.size());
    if (n <= 0) break;
    for (long at = 0; at < n;) {
      const auto* entry = reinterpret_cast<const dirent64*>(buffer.data() + at);
      at += entry->d_reclen;
      int fd = 0;
      const char* name = entry->d_name;
      for (; *name >= '0' && *name <= '9'; ++name) fd = fd * 10 + (*name - '0');
      bool kept = *name != 0;  // not a number
      for (std::size_t i = 0; i < c.count; ++i) kept |= c.descriptors[i].second == fd;
      // Closed by execve, so that the list does not change while it is read.
      if (!kept) ::syscall(SYS_fcntl, fd, F_SETFD, FD_CLOEXEC);
    }
  }
}

RONDO_IN_CHILD void close_others(const child_call& c) noexcept {
  unsigned first = 0;
  for (std::size_t i = 0; i < c.count; ++i) {
    const auto kept = static_cast<unsigned>(c.descriptors[i].second);
    if (kept > first && ::syscall(close_range_number, first, kept - 1, 0) != 0)
      return close_listed(c);
    first = kept + 1;
  }
  if (::syscall(close_range_number, first, UINT_MAX, 0) != 0) close_listed(c);
}

RONDO_IN_CHILD bool arrange_descriptors(child_call& c) noexcept {
  // Out of the way first, so that none is overwritten before it has been duplicated.
  const int above = c.count > 0 ? c.descriptors[c.count - 1].second + 1 : 0;
  for (std::size_t i = 0; i < c.count; ++i) {
    const long moved = ::syscall(SYS_fcntl, c.descriptors[i].first, F_DUPFD_CLOEXEC, above);
    if (moved < 0) return false;
    c.descriptors[i].first = static_cast<int>(moved);
  }
  for (std::size_t i = 0; i < c.count; ++i)
    if (::syscall(SYS_dup3, c.descriptors[i].first, c.descriptors[i].second, 0) < 0) return false;
  close_others(c);
  return true;
}

RONDO_IN_CHILD int prepare_and_execute(child_call& c) noexcept {
  if (c.terminal >= 0) {
    if (::syscall(SYS_setsid) < 0) return gives_up(c, step::group, errno);
  } else if (c.own_group && ::syscall(SYS_setpgid, 0, 0) != 0) {
    return gives_up(c, step::group, errno);
  }
  if (c.directory && ::syscall(SYS_chdir, c.directory) != 0)
    return gives_up(c, step::directory, errno);
  if (!arrange_descriptors(c)) return gives_up(c, step::descriptors, errno);
  if (c.terminal >= 0 && ::syscall(SYS_ioctl, c.terminal, TIOCSCTTY, 0) != 0)
    return gives_up(c, step::terminal, errno);
  forget_handlers();
  int denied = 0;
  int error = ENOENT;
  for (const char* const* path = c.paths; *path; ++path) {
    ::syscall(SYS_execve, *path, c.arguments, c.environment);
    error = errno;
    if (error == EACCES) denied = error;
    if (error != EACCES && error != ENOENT && error != ENOTDIR) break;
  }
  const bool not_found = error == ENOENT || error == ENOTDIR;
  return gives_up(c, step::program, not_found && denied != 0 ? denied : error);
}

RONDO_IN_CHILD int child_main(void* call) {
  ::syscall(SYS_exit_group, prepare_and_execute(*static_cast<child_call*>(call)));
  return 0;
}

std::string_view path_of(const std::vector<std::string>& environment) {
  constexpr std::string_view name = "PATH=";
  for (const std::string& v : environment)
    if (v.starts_with(name)) return std::string_view(v).substr(name.size());
  return "/usr/local/bin:/usr/bin:/bin";
}

// Where the program may be.
std::vector<std::string> candidates(const launch& l) {
  const std::string& name = l.arguments.front();
  if (name.find('/') != std::string::npos) return {name};
  std::vector<std::string> all;
  if (name.empty()) return all;
  std::string_view rest = path_of(l.environment);
  for (bool more = true; more;) {
    const std::size_t end = rest.find(':');
    more = end != std::string_view::npos;
    const std::string_view folder = rest.substr(0, end);  // empty: where we are (environ(7))
    all.push_back(folder.empty() ? "./" + name : std::string(folder) + '/' + name);
    if (more) rest.remove_prefix(end + 1);
  }
  return all;
}

std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
  std::vector<char*> all;
  all.reserve(texts.size() + 1);
  for (const std::string& t : texts) all.push_back(const_cast<char*>(t.c_str()));
  all.push_back(nullptr);
  return all;
}

// No signal may be handled in the child while it runs in our memory.
class signals_blocked {
 public:
  signals_blocked() noexcept {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  signals_blocked(const signals_blocked&) = delete;
  signals_blocked& operator=(const signals_blocked&) = delete;
  ~signals_blocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

[[noreturn]] void fail_to_start(const launch& l, step s, int error) {
  std::string what = "start \"" + l.arguments.front() + '"';
  switch (s) {
    case step::group: what += ": a process group of its own"; break;
    case step::directory: what += ": its directory \"" + l.directory + '"'; break;
    case step::descriptors: what += ": its descriptors"; break;
    case step::terminal: what += ": its terminal"; break;
    case step::none:
    case step::program: break;
  }
  throw std::system_error(error, std::system_category(), what);
}

void reap(int pidfd) noexcept {
  siginfo_t info{};
  while (::waitid(by_pidfd, static_cast<id_t>(pidfd), &info, WEXITED) != 0 && errno == EINTR) {
  }
}

}  // namespace

void want_pidfds(const std::string& program) {
  static const bool had = [] {
    const owned_descriptor own(static_cast<int>(::syscall(pidfd_open_number, ::getpid(), 0)));
    siginfo_t info{};
    return own && ::waitid(by_pidfd, static_cast<id_t>(own.get()), &info, WEXITED | WNOHANG) != 0 &&
           errno == ECHILD;  // it is not our child; EINVAL: never heard of it
  }();
  if (!had)
    throw std::system_error(
        ENOSYS, std::system_category(),
        "start \"" + program + "\": processes need pidfd_open(2) and waitid(P_PIDFD): Linux 5.4");
  struct sigaction action{};
  ::sigaction(SIGCHLD, nullptr, &action);
  const bool ignored = (action.sa_flags & SA_SIGINFO) == 0 && action.sa_handler == SIG_IGN;
  if (ignored || (action.sa_flags & SA_NOCLDWAIT) != 0)
    throw std::system_error(ECHILD, std::system_category(),
                            "start \"" + program + "\": " +
                                (ignored ? "SIGCHLD is ignored" : "SIGCHLD has SA_NOCLDWAIT") +
                                " in this program, so that the kernel keeps no exit status");
}

launched start_program(const launch& l) {
  constexpr std::size_t stack_size = std::size_t{64} * 1024;
  const std::vector<std::string> where = candidates(l);
  const std::vector<char*> paths = pointers_to(where);
  const std::vector<char*> arguments = pointers_to(l.arguments);
  const std::vector<char*> environment = pointers_to(l.environment);
  std::vector<std::pair<int, int>> descriptors = l.descriptors;
  std::ranges::sort(descriptors, {}, &std::pair<int, int>::second);
  const auto stack = std::make_unique<std::byte[]>(stack_size);  // NOLINT(*-avoid-c-arrays)
  child_call call{.paths = paths.data(),
                  .arguments = arguments.data(),
                  .environment = environment.data(),
                  .directory = l.directory.empty() ? nullptr : l.directory.c_str(),
                  .descriptors = descriptors.data(),
                  .count = descriptors.size(),
                  .own_group = l.own_group,
                  .terminal = l.terminal};
  int pidfd = -1;
  int pid = 0;
  int error = 0;
  {
    const signals_blocked quiet;
    void* top = stack.get() + stack_size - reinterpret_cast<std::uintptr_t>(stack.get()) % 16;
    pid = RONDO_CLONE(&child_main, top, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &call,
                      &pidfd);
    error = errno;
  }
  if (pid < 0) fail_to_start(l, step::none, error);
  owned_descriptor known_by(pidfd);
  if (call.failed != step::none) {
    reap(pidfd);
    fail_to_start(l, call.failed, call.error);
  }
  return {pid, std::move(known_by)};
}

int reap_if_ended(int pidfd, ending& e) noexcept {
  siginfo_t info{};
  while (::waitid(by_pidfd, static_cast<id_t>(pidfd), &info, WEXITED | WNOHANG) != 0)
    if (errno != EINTR) return -errno;
  e = {
      .ended = info.si_pid != 0, .by_signal = info.si_code != CLD_EXITED, .number = info.si_status};
  return 0;
}

}  // namespace rondo::net::detail
