// process: another program, started, spoken to and awaited.
//
//   net::process p = net::process::start({"sort", "-n"});
//   co_await p.input().write_all(net::bytes_of("2\n10\n"));
//   p.input().close();
//   std::size_t n = co_await p.output().read_some(buffer);
//   net::exit_status s = co_await p.wait();
//
// To run a program to its end and have what it wrote, use run_process (run_process.hpp).
//
// A process is known by its pidfd (pidfd_open(2)): no SIGCHLD handler, no process id that is
// another's by now. It is watched by the loop from its start, and always reaped: one whose object
// goes is ended (SIGTERM, a grace, SIGKILL), and the run ends when it has been. It inherits its
// three standard streams and the descriptors it is given, and no other; it begins with an empty
// signal mask, default dispositions for what the program handles, and SIGPIPE's default.
//
// Needs Linux 5.4, and SIGCHLD neither ignored nor set to SA_NOCLDWAIT: start says so by name.
// Starting takes the loop's thread until the program has been loaded (vfork(2)): less than a
// millisecond, unless the file system that holds it is slow.
//
// In the simulation a coroutine plays the program: see simulated_program.hpp.
#pragma once

#include <rondo/net/pipe_stream.hpp>
#include <rondo/runtime/core/clock.hpp>
#include <rondo/runtime/task.hpp>

#include <sys/types.h>

#include <csignal>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace rondo::net {

namespace detail {
class child;
class process_starter;
}  // namespace detail

// How a process ended.
class exit_status {
 public:
  exit_status() noexcept = default;
  static exit_status exited(int code) noexcept { return exit_status(code, 0); }
  static exit_status killed_by(int signal) noexcept { return exit_status(-1, signal); }

  bool success() const noexcept { return code_ == 0; }
  // What it gave to exit, 0 to 255; nullopt when a signal ended it.
  std::optional<int> code() const noexcept {
    return signal_ == 0 ? std::optional(code_) : std::nullopt;
  }
  // The signal that ended it.
  std::optional<int> signal() const noexcept {
    return signal_ != 0 ? std::optional(signal_) : std::nullopt;
  }
  // "exit code 3", "killed by SIGKILL".
  std::string to_string() const;
  bool operator==(const exit_status&) const = default;

 private:
  exit_status(int code, int signal) noexcept : code_(code), signal_(signal) {}
  int code_ = 0;
  int signal_ = 0;
};

// Where one of a process's standard streams leads.
class redirect {
 public:
  // A pipe, whose other end the process object has.
  static redirect pipe() { return redirect(kind::pipe); }
  // To the same place as this program's.
  static redirect inherit() { return redirect(kind::inherit); }
  // /dev/null.
  static redirect null() { return redirect(kind::null); }
  // A file: an input is read, an output is made or emptied (append: or continued). Opened by start,
  // on the spot.
  static redirect file(std::string path, bool append = false) {
    redirect r(append ? kind::append : kind::file);
    r.path_ = std::move(path);
    return r;
  }
  // An open descriptor, which stays the caller's and is duplicated.
  static redirect descriptor(int fd) {
    redirect r(kind::descriptor);
    r.fd_ = fd;
    return r;
  }
  // The process gets this end, and this program has it no more: another process's output as input
  // makes a pipeline. Once.
  static redirect stream(pipe_stream s);
  // Of the error stream: wherever the output goes.
  static redirect to_output() { return redirect(kind::output); }

 private:
  friend class detail::process_starter;
  enum class kind : std::uint8_t { pipe, inherit, null, file, append, descriptor, stream, output };
  explicit redirect(kind k) noexcept : kind_(k) {}

  kind kind_;
  int fd_ = -1;
  std::string path_;
  std::shared_ptr<pipe_stream> stream_;
};

// Counted in characters.
struct terminal_size {
  std::uint16_t rows = 24;
  std::uint16_t columns = 80;
};

// How a process is started, and ended. Every setter returns the object itself.
struct process_options {
  // What it is fed, and then the end of its input. Instead of input_from; by run_process alone.
  process_options& input(std::string text) {
    text_ = std::move(text);
    return *this;
  }
  // Its standard streams. By default the first two are pipes, and the error stream is this
  // program's; run_process gives an empty input and collects both outputs.
  process_options& input_from(redirect r) {
    input_ = std::move(r);
    return *this;
  }
  process_options& output_to(redirect r) {
    output_ = std::move(r);
    return *this;
  }
  process_options& error_to(redirect r) {
    error_ = std::move(r);
    return *this;
  }
  // A pseudo-terminal of this size is its controlling terminal and its three streams, in a session
  // of its own (pty(7)); what is typed and shown is process::input and output. Redirections of
  // single streams still hold.
  process_options& terminal(terminal_size s = {}) noexcept {
    terminal_ = s;
    return *this;
  }
  // One more descriptor of this program, which it has as number `as` (3 or more). Stays the
  // caller's. Throws std::invalid_argument.
  process_options& pass(int fd, int as);
  // Where it begins; a program named by a relative path is looked for from there.
  process_options& directory(std::string path) {
    directory_ = std::move(path);
    return *this;
  }
  // Nothing of this program's environment, but what is set here.
  process_options& clear_environment() noexcept {
    clear_environment_ = true;
    return *this;
  }
  // One variable, added or replaced; removed. Throw std::invalid_argument for a name that is empty
  // or holds '=' or NUL.
  process_options& set(std::string name, std::string value);
  process_options& unset(std::string name);
  // It leads a process group of its own, which gets the signals that it is sent, its children
  // included. What is left of the group when it was ended and has gone is killed. (A terminal's
  // Ctrl-C does not reach it then.)
  process_options& own_group(bool yes = true) noexcept {
    own_group_ = yes;
    return *this;
  }
  // How long it has, once asked by SIGTERM, before SIGKILL; and how long run_process waits for
  // output after its end, while somebody else holds the pipe. 5 s.
  template <class Rep, class Period>
  process_options& grace(std::chrono::duration<Rep, Period> d) noexcept {
    grace_ = rondo::detail::saturate(d);
    return *this;
  }
  // How long run_process lets it run. By default for ever.
  template <class Rep, class Period>
  process_options& timeout(std::chrono::duration<Rep, Period> d) noexcept {
    timeout_ = rondo::detail::saturate(d);
    return *this;
  }
  // How many bytes run_process collects of each stream; more is an error. 64 MiB.
  process_options& max_output(std::size_t n) noexcept {
    max_output_ = n;
    return *this;
  }

  struct variable {
    std::string name;
    std::optional<std::string> value;
  };

  std::optional<std::string> text_;
  std::optional<redirect> input_;
  std::optional<redirect> output_;
  std::optional<redirect> error_;
  std::optional<terminal_size> terminal_;
  std::vector<std::pair<int, int>> passed_;  // ours, its
  std::string directory_;
  bool clear_environment_ = false;
  std::vector<variable> variables_;
  bool own_group_ = false;
  rondo::detail::nanoseconds grace_ = std::chrono::seconds(5);
  std::optional<rondo::detail::nanoseconds> timeout_;
  std::size_t max_output_ = std::size_t{64} << 20;
};

// Movable. Destroyed while it runs: it is ended as by stop(), by the loop.
class process {
 public:
  // None, to be assigned to.
  process() noexcept = default;
  // The first is the program: a path, or a name that is looked for in the PATH of the environment
  // it gets. Throws std::system_error that says what could not be done and on what: ENOENT for a
  // program that is not there, EACCES, E2BIG, …; ECHILD when SIGCHLD is ignored, ENOSYS on a Linux
  // before 5.4; std::invalid_argument for an empty command. Then nothing was started.
  static process start(std::vector<std::string> command, const process_options& options = {});
  process(process&&) noexcept = default;
  process& operator=(process&& other) noexcept {
    if (this != &other) {
      abandon();
      child_ = std::move(other.child_);
      input_ = std::move(other.input_);
      output_ = std::move(other.output_);
      error_ = std::move(other.error_);
    }
    return *this;
  }
  ~process() { abandon(); }

  // The other ends of its pipes, or its terminal; closed where it has none. Output that nobody
  // reads makes it wait.
  pipe_stream& input() noexcept { return input_; }
  pipe_stream& output() noexcept { return output_; }
  pipe_stream& error() noexcept { return error_; }

  // Completes when it has ended, for any number of waiters, again and again. Cancelled: the process
  // runs on. Throws std::system_error, ECHILD, when something else in this program has taken its
  // status (waitpid(2) for any child, SIGCHLD ignored meanwhile), std::logic_error for a process
  // that is none.
  task<exit_status> wait();
  // nullopt: it runs.
  std::optional<exit_status> status() const noexcept;
  // Sends a signal, to its group when it has one of its own. False: it has ended already. Throws
  // std::system_error: EPERM, EINVAL for a number that is no signal.
  bool kill(int signal = SIGTERM);
  // SIGTERM, the grace of its options, SIGKILL; completes when it has ended. Cancelled: the caller
  // leaves, and the process has been asked. Throws as wait().
  task<exit_status> stop();
  // 0: none.
  pid_t pid() const noexcept;
  // Tells a process behind a terminal of its options that it has another size (SIGWINCH). Throws
  // std::system_error.
  void resize(terminal_size s);

 private:
  friend class detail::process_starter;
  void abandon() noexcept;

  std::shared_ptr<detail::child> child_;
  pipe_stream input_;
  pipe_stream output_;
  pipe_stream error_;
};

}  // namespace rondo::net
