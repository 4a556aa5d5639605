#include <rondo/net/process/simulated_child.hpp>
#include <rondo/runtime/loop.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <optional>
#include <stdexcept>
#include <system_error>

namespace rondo::net {

namespace detail {

namespace {

struct programs_of_a_loop {
  std::uint64_t loop;
  std::map<std::string, std::shared_ptr<simulated_program>> by_name;
  pid_t last_pid = 1000;
};

programs_of_a_loop& programs() {
  thread_local std::optional<programs_of_a_loop> kept;
  const std::uint64_t id = rondo::detail::this_core().id();
  if (!kept || kept->loop != id) kept.emplace(programs_of_a_loop{.loop = id, .by_name = {}});
  return *kept;
}

constexpr std::uint64_t bit(int signal) noexcept { return std::uint64_t{1} << (signal & 63); }

// Which signals do nothing by themselves (signal(7)), as far as the simulation goes.
bool is_harmless(int signal) noexcept {
  constexpr std::array<int, 9> harmless{0,       SIGCHLD, SIGCONT, SIGURG, SIGWINCH,
                                        SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU};
  return std::ranges::find(harmless, signal) != harmless.end();
}

}  // namespace

class simulated_child final : public child {
 public:
  simulated_child(std::shared_ptr<simulated_program> program, simulated_process self,
                  const process_options& options)
      : child(self.arguments_.front(), options.grace_),
        main_(std::move(program)),
        self_(std::move(self)) {
    self_.pid_ = ++programs().last_pid;
  }

  pid_t pid() const noexcept override { return self_.pid_; }

  int send(int signal) noexcept override {
    if (signal < 0 || signal > 64) return -EINVAL;
    if (signal != SIGKILL && (self_.handled_ & bit(signal)) != 0) {
      (void)self_.signals_->try_put(signal);
    } else if (!is_harmless(signal) && !over_.is_set()) {
      result_ = exit_status::killed_by(signal);
      body_.cancel();
    }
    return 0;
  }
  task<> look() override { co_await over_.wait(); }
  void conclude() noexcept override {
    if (over_.is_set()) set_ended(result_);
  }

  static task<> play(std::shared_ptr<simulated_child> c) {
    const ending_guard at_end(*c);
    (void)co_await c->body_.run(c->play_main());
  }

 private:
  struct ending_guard {
    explicit ending_guard(simulated_child& c) noexcept : it(c) {}
    ending_guard(const ending_guard&) = delete;
    ending_guard& operator=(const ending_guard&) = delete;
    ~ending_guard() {
      it.self_.input_.close();
      it.self_.output_.close();
      it.self_.error_.close();
      it.over_.set();
    }
    simulated_child& it;
  };

  task<> play_main() {
    try {
      const int code = co_await main_->main(self_);
      result_ = exit_status::exited(code & 0xff);
    } catch (const std::system_error& e) {
      const bool pipe = e.code() == std::error_code(EPIPE, std::system_category());
      result_ = exit_status::killed_by(pipe ? SIGPIPE : SIGABRT);
      if (!pipe) rondo::detail::report_unhandled(std::current_exception());
    } catch (...) {
      result_ = exit_status::killed_by(SIGABRT);
      rondo::detail::report_unhandled(std::current_exception());
    }
  }

  std::shared_ptr<simulated_program> main_;
  simulated_process self_;
  cancel_scope body_;
  event over_;
  exit_status result_ = exit_status::killed_by(SIGKILL);  // until it is known
};

void add_simulated_program(std::string name, std::shared_ptr<simulated_program> program) {
  if (!rondo::detail::this_core().simulated())
    throw std::logic_error("rondo::net::simulate_program: the loop that runs is no simulation");
  programs().by_name.insert_or_assign(std::move(name), std::move(program));
}

std::shared_ptr<simulated_program> find_simulated_program(const std::string& name) {
  const auto& all = programs().by_name;
  auto found = all.find(name);
  if (found == all.end()) found = all.find(name.substr(name.rfind('/') + 1));
  return found == all.end() ? nullptr : found->second;
}

std::shared_ptr<child> start_simulated(std::shared_ptr<simulated_program> program,
                                       simulated_process self, const process_options& options) {
  auto c = std::make_shared<simulated_child>(std::move(program), std::move(self), options);
  rondo::detail::this_core().run_service(simulated_child::play(c));
  look_after(c);
  return c;
}

}  // namespace detail

void simulated_process::handle(int signal) {
  if (signal <= 0 || signal > 63 || signal == SIGKILL || signal == SIGSTOP)
    throw std::invalid_argument("simulated_process::handle: signal " + std::to_string(signal) +
                                " cannot be handled");
  handled_ |= detail::bit(signal);
}

}  // namespace rondo::net
