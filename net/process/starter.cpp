#include <rondo/net/parts/path.hpp>
#include <rondo/net/parts/pipe_end.hpp>
#include <rondo/net/parts/ready_wait.hpp>
#include <rondo/net/process/child.hpp>
#include <rondo/net/process/launch.hpp>
#include <rondo/net/process/simulated_child.hpp>
#include <rondo/runtime/sleep.hpp>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <stdexcept>
#include <string_view>
#include <system_error>

namespace rondo::net {

namespace {

using detail::owned_descriptor;
using detail::pipe_access;
using detail::pipe_traits;
using namespace std::chrono_literals;

[[noreturn]] void throw_errno(const std::string& what, int error = errno) {
  throw std::system_error(error, std::system_category(), what);
}

void check_variable(const std::string& name) {
  if (name.empty() || name.find('=') != std::string::npos || detail::holds_nul(name))
    throw std::invalid_argument("an environment variable cannot be called \"" +
                                detail::shown(name) + '"');
}

// How often one looks at a process whose pidfd cannot be waited for.
constexpr auto look_again = 10ms;

class kernel_child final : public detail::child {
 public:
  kernel_child(detail::launched&& l, const std::string& program, const process_options& o,
               bool own_group)
      : child(program, o.grace_), pid_(l.pid), own_group_(own_group) {
    pidfd_ = socket(l.pidfd.release(), rondo::detail::transfers::may_stop_short);
  }

  pid_t pid() const noexcept override { return pid_; }

  // The leader is reaped after it has ended, so that until then nobody else has its number.
  int send(int signal) noexcept override {
    constexpr int pidfd_send_signal_number = 424;
    const long r = own_group_
                       ? ::kill(-pid_, signal)
                       : ::syscall(pidfd_send_signal_number, pidfd_.get().fd, signal, nullptr, 0);
    return r == 0 ? 0 : -errno;
  }

  task<> look() override {
    const std::int32_t r = co_await detail::ready_wait(pidfd_.get(), rondo::detail::direction::in);
    if (r < 0) co_await sleep_for(look_again);  // no memory, or too many watches
  }

  void conclude() noexcept override {
    if (!detail::is_ready(pidfd_.get().fd, rondo::detail::direction::in)) return;
    if (own_group_ && was_asked()) ::kill(-pid_, SIGKILL);
    detail::ending e;
    const int r = detail::reap_if_ended(pidfd_.get().fd, e);
    if (r == 0 && !e.ended) return;
    pidfd_.close();
    set_ended(e.by_signal ? exit_status::killed_by(e.number) : exit_status::exited(e.number), -r);
  }

 private:
  pid_t pid_;
  bool own_group_;
  socket pidfd_;
};

// The program has been started and nobody can look after it: it does not stay.
void end_at_once(pid_t pid) noexcept {
  ::kill(pid, SIGKILL);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
}

struct pseudo_terminal {
  owned_descriptor keyboard;  // written to
  owned_descriptor screen;    // read from
  owned_descriptor line;      // the process's
};

void set_size(int fd, terminal_size s) {
  const winsize w{.ws_row = s.rows, .ws_col = s.columns, .ws_xpixel = 0, .ws_ypixel = 0};
  if (::ioctl(fd, TIOCSWINSZ, &w) != 0) throw_errno("a terminal's size");
}

pseudo_terminal open_terminal(terminal_size size) {
  pseudo_terminal t;
  t.keyboard = owned_descriptor(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK));
  const int fd = t.keyboard.get();
  std::array<char, 64> name{};
  if (fd < 0 || ::grantpt(fd) != 0 || ::unlockpt(fd) != 0) throw_errno("a pseudo-terminal");
  if (const int error = ::ptsname_r(fd, name.data(), name.size())) throw_errno("ptsname", error);
  t.line = owned_descriptor(::open(name.data(), O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!t.line) throw_errno(name.data());
  set_size(fd, size);
  t.screen = owned_descriptor(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
  if (!t.screen) throw_errno("a pseudo-terminal");
  return t;
}

owned_descriptor open_for(const std::string& path, int flags) {
  constexpr mode_t everybody_by_umask = 0666;
  detail::refuse_nul(path, "open");
  int fd = -1;
  do {
    fd = ::open(path.c_str(), flags | O_CLOEXEC | O_NOCTTY, everybody_by_umask);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) throw_errno("open " + path);
  return owned_descriptor(fd);
}

owned_descriptor duplicate(int fd) {
  owned_descriptor copy(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
  if (!copy) throw_errno("descriptor " + std::to_string(fd));
  return copy;
}

}  // namespace

namespace detail {

class process_starter {
 public:
  static process start(std::vector<std::string> command, const process_options& o) {
    check(command, o);
    process_starter s(std::move(command), o);
    return rondo::detail::this_core().simulated() ? s.start_simulated() : s.start_real();
  }

 private:
  // One of the three, as the process has it and as we have it.
  struct standard_stream {
    int fd = -1;             // to be duplicated; -1: it has none
    owned_descriptor owned;  // the same, if it was opened for this
    pipe_stream given;       // of a simulated one; or what the caller has given away
    pipe_stream kept;
  };

  process_starter(std::vector<std::string> command, const process_options& o)
      : options_(o), command_(std::move(command)), environment_(environment_of(o)) {}

  static void check(const std::vector<std::string>& command, const process_options& o) {
    if (command.empty() || command.front().empty())
      throw std::invalid_argument("process::start: an empty command");
    for (const std::string& a : command) refuse_nul(a, "start");
    refuse_nul(o.directory_, "start in");
    for (const auto& v : o.variables_)
      if (v.value) refuse_nul(*v.value, "start with a variable");
    if (o.text_)
      throw std::invalid_argument("process::start takes no text: it is written to input()");
  }

  static std::vector<std::string> environment_of(const process_options& o) {
    std::vector<std::string> all;
    if (!o.clear_environment_)
      for (char** v = environ; v && *v; ++v) all.emplace_back(*v);
    for (const auto& v : o.variables_) {
      const std::string beginning = v.name + '=';
      std::erase_if(all, [&](const std::string& known) { return known.starts_with(beginning); });
      if (v.value) all.push_back(beginning + *v.value);
    }
    return all;
  }

  redirect wanted(std::size_t i) const {
    const std::array<const std::optional<redirect>*, 3> chosen{&options_.input_, &options_.output_,
                                                               &options_.error_};
    if (*chosen.at(i)) return **chosen.at(i);
    return i < 2 ? redirect::pipe() : redirect::inherit();
  }
  bool on_terminal(std::size_t i) const {
    return options_.terminal_ && !(i == 0   ? options_.input_
                                   : i == 1 ? options_.output_
                                            : options_.error_);
  }
  static int file_flags(std::size_t i, bool append) noexcept {
    if (i == 0) return O_RDONLY;
    return O_WRONLY | O_CREAT | (append ? O_APPEND : O_TRUNC);
  }
  pipe_stream take_stream(const redirect& r, std::size_t i) const {
    const auto& s = r.stream_;
    if (!s || !s->is_open())
      throw std::system_error(make_error_code(io_errc::closed),
                              "start \"" + command_.front() + "\": a stream that it is to get");
    const pipe_traits& t = pipe_access::peek(*s)->traits;
    if (i == 0 ? !t.reads : !t.writes)
      throw_errno("start \"" + command_.front() + "\": a stream that goes the other way", EBADF);
    return std::move(*s);
  }

  // What is a descriptor of the system, in the simulation, too.
  void open_outside(standard_stream& s, const redirect& r, std::size_t i) {
    switch (r.kind_) {
      case redirect::kind::inherit:
        if (::fcntl(static_cast<int>(i), F_GETFD) >= 0) s.fd = static_cast<int>(i);
        break;
      case redirect::kind::descriptor:
        if (::fcntl(r.fd_, F_GETFD) < 0) throw_errno("descriptor " + std::to_string(r.fd_));
        s.fd = r.fd_;
        break;
      case redirect::kind::null: s.owned = open_for("/dev/null", O_RDWR); break;
      case redirect::kind::file: s.owned = open_for(r.path_, file_flags(i, false)); break;
      case redirect::kind::append: s.owned = open_for(r.path_, file_flags(i, true)); break;
      case redirect::kind::pipe:
      case redirect::kind::stream:
      case redirect::kind::output: break;
    }
    if (s.owned) s.fd = s.owned.get();
  }

  // --- of the system ---

  void open_real(std::size_t i) {
    standard_stream& s = streams_.at(i);
    if (on_terminal(i)) {
      s.fd = terminal_.line.get();
      terminal_number_ = static_cast<int>(i);
      return;
    }
    const redirect r = wanted(i);
    if (r.kind_ == redirect::kind::pipe) {
      std::array<int, 2> ends{-1, -1};
      if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw_errno("pipe");
      owned_descriptor in(ends[0]);
      owned_descriptor out(ends[1]);
      owned_descriptor ours = std::move(i == 0 ? out : in);
      set_non_blocking(ours.get(), true);
      s.owned = std::move(i == 0 ? in : out);
      s.fd = s.owned.get();
      s.kept = pipe_access::make(std::move(ours), pipe_traits{.reads = i != 0, .writes = i == 0});
    } else if (r.kind_ == redirect::kind::stream) {
      s.given = take_stream(r, i);
      s.fd = pipe_access::peek(s.given)->fd();
      set_non_blocking(s.fd, false);
    } else if (r.kind_ == redirect::kind::output) {
      if (i != 2) throw std::invalid_argument("redirect::to_output is for the error stream");
      s.fd = streams_[1].fd;
    } else {
      open_outside(s, r, i);
    }
  }

  process start_real() {
    want_pidfds(command_.front());
    if (options_.terminal_) terminal_ = open_terminal(*options_.terminal_);
    launch l;
    for (std::size_t i = 0; i < streams_.size(); ++i) {
      open_real(i);
      if (streams_.at(i).fd >= 0)
        l.descriptors.emplace_back(streams_.at(i).fd, static_cast<int>(i));
    }
    for (const auto& [ours, its] : options_.passed_) {
      if (::fcntl(ours, F_GETFD) < 0) throw_errno("descriptor " + std::to_string(ours));
      l.descriptors.emplace_back(ours, its);
    }
    keep_terminal();
    l.arguments = command_;
    l.environment = std::move(environment_);
    l.directory = options_.directory_;
    l.own_group = options_.own_group_;
    l.terminal = terminal_number_;
    launched started = start_program(l);
    const pid_t pid = started.pid;
    try {
      const bool leads_group = options_.own_group_ || terminal_number_ >= 0;
      auto c = std::make_shared<kernel_child>(std::move(started), command_.front(), options_,
                                              leads_group);
      look_after(c);
      return finished(std::move(c));
    } catch (...) {
      end_at_once(pid);
      throw;
    }
  }

  // Both are the terminal's, so that each can be closed by itself.
  void keep_terminal() {
    if (!options_.terminal_) return;
    if (on_terminal(0))
      streams_[0].kept = pipe_access::make(std::move(terminal_.keyboard),
                                           pipe_traits{.writes = true, .is_pseudo_terminal = true});
    if (on_terminal(1) || on_terminal(2))
      streams_[1].kept = pipe_access::make(std::move(terminal_.screen),
                                           pipe_traits{.reads = true, .is_pseudo_terminal = true});
  }

  // --- of the simulation ---

  void open_simulated(std::size_t i) {
    standard_stream& s = streams_.at(i);
    const redirect r =
        on_terminal(i) ? (i == 2 ? redirect::to_output() : redirect::pipe()) : wanted(i);
    if (r.kind_ == redirect::kind::pipe) {
      auto [reader, writer] = make_pipe();
      s.kept = std::move(i == 0 ? writer : reader);
      s.given = std::move(i == 0 ? reader : writer);
    } else if (r.kind_ == redirect::kind::stream) {
      s.given = take_stream(r, i);
    } else if (r.kind_ == redirect::kind::output) {
      if (i != 2) throw std::invalid_argument("redirect::to_output is for the error stream");
      s.given = pipe_access::give(pipe_access::peek(streams_[1].given));
    } else {
      open_outside(s, r, i);
      if (s.fd < 0) return;
      if (!s.owned) s.owned = duplicate(s.fd);
      const pipe_traits t = traits_of(s.owned.get());
      s.given = pipe_access::make(std::move(s.owned), t);
    }
  }

  process start_simulated() {
    std::shared_ptr<simulated_program> program = find_simulated_program(command_.front());
    if (!program)
      throw_errno("start \"" + command_.front() + "\": no simulate_program plays it", ENOENT);
    for (std::size_t i = 0; i < streams_.size(); ++i) open_simulated(i);
    simulated_process self;
    self.arguments_ = command_;
    self.environment_ = std::move(environment_);
    self.directory_ = options_.directory_;
    self.input_ = std::move(streams_[0].given);
    self.output_ = std::move(streams_[1].given);
    self.error_ = std::move(streams_[2].given);
    return finished(detail::start_simulated(std::move(program), std::move(self), options_));
  }

  process finished(std::shared_ptr<child> c) {
    process p;
    p.child_ = std::move(c);
    p.input_ = std::move(streams_[0].kept);
    p.output_ = std::move(streams_[1].kept);
    p.error_ = std::move(streams_[2].kept);
    return p;
  }

  const process_options& options_;
  std::vector<std::string> command_;
  std::vector<std::string> environment_;
  std::array<standard_stream, 3> streams_;
  pseudo_terminal terminal_;
  int terminal_number_ = -1;
};

}  // namespace detail

namespace {

using child_ptr = std::shared_ptr<detail::child>;

exit_status status_of(const detail::child& c) {
  if (c.lost() != 0)
    throw_errno(
        "wait for \"" + c.program() + "\": something else in this program has taken its status",
        c.lost());
  return c.status();
}

task<exit_status> wait_for(child_ptr c) {
  if (!c) throw std::logic_error("process::wait: there is no process");
  co_await c->end();
  co_return status_of(*c);
}

task<exit_status> stop_and_wait(child_ptr c) {
  if (!c) throw std::logic_error("process::stop: there is no process");
  co_await detail::stop_child(c);
  co_return status_of(*c);
}

}  // namespace

std::string exit_status::to_string() const {
  if (signal_ == 0) return "exit code " + std::to_string(code_);
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 32)
  if (const char* name = ::sigabbrev_np(signal_)) return std::string("killed by SIG") + name;
#endif
  return "killed by signal " + std::to_string(signal_);
}

redirect redirect::stream(pipe_stream s) {
  redirect r(kind::stream);
  r.stream_ = std::make_shared<pipe_stream>(std::move(s));
  return r;
}

process_options& process_options::pass(int fd, int as) {
  if (as < 3) throw std::invalid_argument("process_options::pass: the first three are redirected");
  for (const auto& [ours, its] : passed_)
    if (its == as)
      throw std::invalid_argument("process_options::pass: " + std::to_string(as) + " twice");
  passed_.emplace_back(fd, as);
  return *this;
}
process_options& process_options::set(std::string name, std::string value) {
  check_variable(name);
  variables_.push_back({std::move(name), std::move(value)});
  return *this;
}
process_options& process_options::unset(std::string name) {
  check_variable(name);
  variables_.push_back({std::move(name), std::nullopt});
  return *this;
}

process process::start(std::vector<std::string> command, const process_options& options) {
  return detail::process_starter::start(std::move(command), options);
}

task<exit_status> process::wait() { return wait_for(child_); }
task<exit_status> process::stop() { return stop_and_wait(child_); }

std::optional<exit_status> process::status() const noexcept {
  if (!child_ || !child_->has_ended()) return std::nullopt;
  return child_->status();
}

bool process::kill(int signal) {
  if (!child_ || child_->has_ended()) return false;
  const int r = child_->send(signal);
  if (r == -ESRCH) return false;
  if (r < 0)
    throw_errno("send signal " + std::to_string(signal) + " to \"" + child_->program() + '"', -r);
  return true;
}

pid_t process::pid() const noexcept { return child_ ? child_->pid() : 0; }

void process::resize(terminal_size s) {
  const auto end = pipe_access::peek(input_.is_open() ? input_ : output_);
  if (!end || !end->traits.is_pseudo_terminal || end->memory)
    throw_errno("resize a terminal", ENOTTY);
  set_size(end->fd(), s);
}

void process::abandon() noexcept {
  if (child_ && !child_->has_ended()) child_->abandon();
  child_.reset();
}

}  // namespace rondo::net
