// Processes: started, spoken to, ended and reaped.
#include "net/net_support.hpp"
#include "support/cancel_at_every_wait.hpp"
#include "support/child_process.hpp"
#include "support/conformance.hpp"
#include "support/disposition.hpp"
#include "support/programs.hpp"
#include "support/seccomp.hpp"

#include <rondo/net.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <thread>

namespace net_process_cases {

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using net::exit_status;
using net::pipe_stream;
using net::process;
using net::process_options;
using net::redirect;
using net::run_process;

namespace {

task<std::string> read_all(pipe_stream& from) {
  std::string all;
  std::vector<std::byte> buffer(64 * 1024);
  while (const std::size_t n = co_await from.read_some(buffer))
    all.append(reinterpret_cast<const char*>(buffer.data()), n);
  co_return all;
}

task<std::string> read_line(pipe_stream& from) {
  std::string line;
  std::array<std::byte, 1> one{};
  while (!line.ends_with('\n') && co_await from.read_some(one) == 1)
    line += static_cast<char>(one[0]);
  co_return line;
}

std::string content_of(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

process start(const std::vector<std::string>& command, const process_options& o = {}) {
  play_programs();
  return process::start(command, o);
}

// What an exception says, and the code that it has.
struct failure {
  std::error_code code;
  std::string what;
};
template <class Fn>
failure failure_of(Fn fn) {
  try {
    fn();
  } catch (const std::system_error& e) {
    return {e.code(), e.what()};
  } catch (const std::exception& e) {
    return {{}, e.what()};
  }
  return {{}, "it did not fail"};
}
failure failure_in(const std::exception_ptr& e) {
  return failure_of([&] { std::rethrow_exception(e); });
}

void expect_says(const failure& f, int error, std::string_view text) {
  EXPECT_EQ(f.code, system_code(error)) << f.what;
  EXPECT_NE(f.what.find(text), std::string::npos) << f.what;
}

task<std::string> shell(std::string script, process_options o = {}) {
  const auto r = co_await run_process({"sh", "-c", std::move(script)}, std::move(o));
  r.raise_for_status();
  co_return r.output;
}

bool runs(pid_t pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string all{std::istreambuf_iterator<char>(stat), {}};
  return !all.empty() && all.find(") Z") == std::string::npos;
}
task<> until_gone(pid_t pid) {
  while (runs(pid)) co_await sleep_for(1ms);
}

}  // namespace

// --- what is the same everywhere ---

CONFORMANCE(Process, RunsToItsEndWithInputAndOutputLargerThanAnyPipe) {
  play_programs();
  const std::string text = pattern(1 << 20);
  const auto r = co_await run_process({"cat"}, process_options().input(text));
  EXPECT_TRUE(r.status.success());
  EXPECT_TRUE(r.complete);
  EXPECT_EQ(r.output, text);
  EXPECT_EQ(r.error, "");
  expect_no_children();
}

CONFORMANCE(Process, GivesItsExitCode) {
  play_programs();
  EXPECT_EQ((co_await run_process({"true"})).status, exit_status::exited(0));
  const auto r = co_await run_process({"false"});
  EXPECT_EQ(r.status.code(), 1);
  EXPECT_EQ(r.status.signal(), std::nullopt);
  EXPECT_EQ(failure_of([&] { r.raise_for_status(); }).what, "\"false\": exit code 1");
}

CONFORMANCE(Process, IsSpokenToWhileItRuns) {
  process p = start({"cat"});
  EXPECT_GT(p.pid(), 0);
  for (const std::string line : {"one\n", "two\n"}) {
    co_await p.input().write_all(bytes_of(line));
    EXPECT_EQ(co_await read_line(p.output()), line);
  }
  EXPECT_EQ(p.status(), std::nullopt);
  co_await p.input().shutdown_write();
  EXPECT_EQ(co_await read_all(p.output()), "");
  EXPECT_TRUE((co_await p.wait()).success());
  EXPECT_TRUE((co_await p.wait()).success());  // again
  EXPECT_EQ(p.status(), exit_status::exited(0));
}

CONFORMANCE(Process, IsAwaitedByAnyNumberOfTasks) {
  process p = start({"cat"});
  int ended = 0;
  co_await with_task_group([&](task_group& g) -> task<> {
    for (int i = 0; i < 3; ++i)
      g.spawn([&]() -> task<> { ended += (co_await p.wait()).success() ? 1 : 0; });
    EXPECT_FALSE(co_await try_for(1ms, p.wait()));  // a wait that is left leaves it running
    EXPECT_EQ(p.status(), std::nullopt);
    p.input().close();
  });
  EXPECT_EQ(ended, 3);
}

CONFORMANCE(Process, IsKilled) {
  process p = start({"sleep", "1000"});
  EXPECT_TRUE(p.kill(SIGKILL));
  const exit_status s = co_await p.wait();
  EXPECT_EQ(s.signal(), SIGKILL);
  EXPECT_EQ(s.code(), std::nullopt);
  EXPECT_FALSE(s.success());
  EXPECT_EQ(s.to_string(), "killed by SIGKILL");
  EXPECT_FALSE(p.kill(SIGKILL));  // it has ended
}

CONFORMANCE(Process, IsToldASignal) {
  process p = start({"sleep", "1000"});
  expect_says(failure_of([&] { p.kill(1000); }), EINVAL, "sleep");
  EXPECT_TRUE(p.kill(0));
  EXPECT_TRUE(p.kill(SIGUSR1));  // nobody ignores it, as a job in the background does SIGINT
  EXPECT_EQ((co_await p.wait()).signal(), SIGUSR1);
}

CONFORMANCE(Process, IsStoppedByAskingFirst) {
  process p = start({"sleep", "1000"});
  EXPECT_EQ((co_await p.stop()).signal(), SIGTERM);
  EXPECT_EQ((co_await p.stop()).signal(), SIGTERM);  // it has ended
}

CONFORMANCE(Process, ThatDoesNotListenIsKilledAfterItsGrace) {
  play_programs();
  process p = start(stubborn_program(), process_options().grace(20ms));
  EXPECT_EQ(co_await read_line(p.output()), "ready\n");
  const auto before = this_loop().now();
  EXPECT_EQ((co_await p.stop()).signal(), SIGKILL);
  EXPECT_GE(this_loop().now() - before, 20ms);
}

CONFORMANCE(Process, ThatIsNotThereIsNamed) {
  expect_says(failure_of([] { start({"no-such-program", "x"}); }), ENOENT, "no-such-program");
  expect_says(failure_of([] { start({"/no/such/program"}); }), ENOENT, "/no/such/program");
  EXPECT_NE(failure_of([] { start({}); }).what.find("empty command"), std::string::npos);
  EXPECT_NE(failure_of([] { start({""}); }).what.find("empty command"), std::string::npos);
  using namespace std::string_literals;
  expect_says(failure_of([] { start({"cat", "a\0b"s}); }), EINVAL, "NUL");
  const auto r = co_await as_result(run_process({"no-such-program"}));
  expect_says(failure_in(r.error()), ENOENT, "no-such-program");
}

CONFORMANCE_RUNS(Process, ThatNobodyHoldsIsEndedByTheRun) {
  run_on(reactor, []() -> task<> {
    start({"sleep", "1000"});
    co_return;
  });
  expect_no_children();
  process left;
  run_on(reactor, [&]() -> task<> {
    left = start({"sleep", "1000"});
    co_return;
  });
  expect_no_children();
  EXPECT_TRUE(left.status().has_value());
  EXPECT_FALSE(left.kill());
}

CONFORMANCE(Process, ThatTakesTooLongIsEnded) {
  play_programs();
  const auto r =
      co_await as_result(run_process({"sleep", "1000"}, process_options().timeout(10ms)));
  EXPECT_NE(failure_in(r.error()).what.find("\"sleep\""), std::string::npos);
  EXPECT_THROW(std::rethrow_exception(r.error()), timed_out);
  expect_no_children();
}

CONFORMANCE(Process, ThatSaysTooMuchIsEnded) {
  play_programs();
  const auto r = co_await as_result(run_process({"yes"}, process_options().max_output(100'000)));
  expect_says(failure_in(r.error()), EFBIG, "\"yes\" wrote more than 100000 bytes");
  expect_no_children();
  const std::string text(1000, 'x');
  EXPECT_EQ((co_await run_process({"cat"}, process_options().input(text).max_output(1000))).output,
            text);
  const auto one_more =
      co_await as_result(run_process({"cat"}, process_options().input(text).max_output(999)));
  EXPECT_EQ(one_more.code(), system_code(EFBIG));
}

CONFORMANCE(Process, NeedNotReadItsInput) {
  play_programs();
  const auto r = co_await run_process({"true"}, process_options().input(pattern(1 << 20)));
  EXPECT_TRUE(r.status.success());
}

CONFORMANCE(Process, WithoutInputReadsAnEnd) {
  play_programs();
  const auto r = co_await run_process({"cat"});
  EXPECT_TRUE(r.status.success());
  EXPECT_EQ(r.output, "");
}

CONFORMANCE(Process, StreamsGoOneWay) {
  process p = start({"cat"});
  std::array<std::byte, 4> buffer{};
  EXPECT_EQ((co_await as_result(p.input().read_some(buffer))).code(), system_code(EBADF));
  EXPECT_EQ((co_await as_result(p.output().write_all(buffer))).code(), system_code(EBADF));
  EXPECT_EQ((co_await as_result(p.error().read_some(buffer))).code(), io_errc::closed);
  co_await with_task_group([&](task_group& g) -> task<> {
    auto reader = g.spawn([&]() -> task<outcome<std::size_t>> {
      co_return co_await as_result(p.output().read_some(buffer));
    });
    co_await sleep_for(1ms);
    EXPECT_EQ((co_await as_result(p.output().read_some(buffer))).code(), io_errc::busy);
    p.output().close();
    EXPECT_EQ((co_await reader.join()).value().code(), io_errc::closed);
  });
}

CONFORMANCE(Process, WhosePeerHasGoneIsNoSignalForUs) {
  process p = start({"true"});
  co_await p.wait();
  const std::string text = pattern(200'000);
  EXPECT_EQ((co_await as_result(p.input().write_all(bytes_of(text)))).code(), system_code(EPIPE));
}

CONFORMANCE(Process, WritingThatIsCancelledHalfWayBreaksIt) {
  process p = start({"sleep", "1000"});
  const std::string text = pattern(1 << 20);
  EXPECT_FALSE(co_await try_for(10ms, p.input().write_all(bytes_of(text))));
  EXPECT_EQ((co_await as_result(p.input().write_all(bytes_of("x")))).code(), io_errc::write_broken);
}

CONFORMANCE(Process, SeveralMakeAPipeline) {
  play_programs();
  const std::string text = pattern(300'000);
  const auto all =
      co_await net::run_pipeline({{"cat"}, {"cat"}, {"cat"}}, process_options().input(text));
  EXPECT_EQ(all.size(), 3U);
  for (const auto& r : all) EXPECT_TRUE(r.status.success());
  EXPECT_EQ(all.back().output, text);
  const auto failed = co_await as_result(net::run_pipeline({{"yes"}, {"no-such-program"}}));
  expect_says(failure_in(failed.error()), ENOENT, "no-such-program");
  expect_no_children();
  EXPECT_TRUE((co_await as_result(net::run_pipeline({}))).has_error());
}

// `yes` ends because nobody reads it any more.
CONFORMANCE(Process, BeforeOneThatReadsNoMoreEndsBySigpipe) {
  play_programs();
  const auto all = co_await net::run_pipeline({{"yes"}, {"true"}});
  EXPECT_EQ(all[0].status.signal(), SIGPIPE);
  EXPECT_TRUE(all[1].status.success());
}

CONFORMANCE(Process, GetsTheOutputOfAnotherAsItsInput) {
  play_programs();
  process first = start({"cat"});
  process second =
      start({"cat"}, process_options().input_from(redirect::stream(std::move(first.output()))));
  co_await first.input().write_all(bytes_of("through two"));
  first.input().close();
  EXPECT_EQ(co_await read_all(second.output()), "through two");
  EXPECT_TRUE((co_await second.wait()).success());
  const auto gone = redirect::stream(pipe_stream());
  EXPECT_EQ(failure_of([&] { start({"cat"}, process_options().input_from(gone)); }).code,
            io_errc::closed);
}

CONFORMANCE(Process, ReadsAndWritesFiles) {
  play_programs();
  const temporary_folder folder;
  folder.write("in", "content");
  const std::string out = folder.path() + "/out";
  const auto options = process_options()
                           .input_from(redirect::file(folder.path() + "/in"))
                           .output_to(redirect::file(out));
  EXPECT_TRUE((co_await run_process({"cat"}, options)).status.success());
  EXPECT_EQ(content_of(out), "content");
  auto more = options;
  more.output_to(redirect::file(out, true));
  EXPECT_TRUE((co_await run_process({"cat"}, more)).status.success());
  EXPECT_EQ(content_of(out), "contentcontent");
  auto missing = options;
  missing.input_from(redirect::file("/no/such/file"));
  const auto r = co_await as_result(run_process({"cat"}, missing));
  expect_says(failure_in(r.error()), ENOENT, "/no/such/file");
}

CONFORMANCE_RUNS(CancelEveryWait, RunProcess) {
  const std::string text = pattern(150'000);
  const auto n = cancel_at_every_wait(
      reactor,
      [&]() -> task<> {
        play_programs();
        const auto r = co_await run_process({"cat"}, process_options().input(text));
        EXPECT_EQ(r.output, text);
      },
      [] { expect_no_children(); });
  EXPECT_GE(n.at_rest, 6U);
  EXPECT_GE(n.posted, 6U);
  EXPECT_GE(n.at_wake, 6U);
}

CONFORMANCE_RUNS(CancelEveryWait, ProcessThatDoesNotListen) {
  const auto n = cancel_at_every_wait(
      reactor,
      []() -> task<> {
        play_programs();
        process p = start(stubborn_program(), process_options().grace(1ms));
        EXPECT_EQ(co_await read_line(p.output()), "ready\n");
        EXPECT_EQ((co_await p.stop()).signal(), SIGKILL);
      },
      [] { expect_no_children(); });
  EXPECT_GE(n.at_rest, 2U);
}

CONFORMANCE_RUNS(Process, ByTheHundredsLeaveNothing) {
  // A third is cancelled, at different times.
  run_on(reactor, []() -> task<> {
    play_programs();
    const int all = long_run() ? 10'000 : 200;
    const std::size_t alive = long_run() ? 500 : 50;
    semaphore places(alive);
    int ended = 0;
    int cancelled = 0;
    co_await with_task_group([&](task_group& g) -> task<> {
      for (int i = 0; i < all; ++i) {
        auto permit = co_await places.acquire();
        g.spawn([&, i, permit = std::move(permit)]() -> task<> {
          const auto command = i % 3 == 0 ? std::vector<std::string>{"sleep", "1000"}
                                          : std::vector<std::string>{"cat"};
          auto r =
              co_await try_for(std::chrono::microseconds(i % 3 == 0 ? i % 50 * 100 : 60'000'000),
                               run_process(command, process_options().input("text")));
          if (!r) {
            ++cancelled;
            co_return;
          }
          EXPECT_EQ(r->output, "text");
          ++ended;
        });
      }
    });
    EXPECT_EQ(ended + cancelled, all);
    EXPECT_EQ(cancelled, (all + 2) / 3);
  });
  expect_no_children();
}

// --- what only the system has ---

ON_KERNEL_REACTORS(Process, IsNotStartedWhereItsStatusWouldBeLost) {
  const auto refused = [](int flags, void (*handler)(int), std::string_view why) {
    struct sigaction before{};
    struct sigaction action{};
    action.sa_flags = flags;
    action.sa_handler = handler;
    ::sigaction(SIGCHLD, &action, &before);
    expect_says(failure_of([] { process::start({"true"}); }), ECHILD, why);
    ::sigaction(SIGCHLD, &before, nullptr);
  };
  run_on(reactor, [&]() -> task<> {
    refused(0, SIG_IGN, "SIGCHLD is ignored");
    refused(SA_NOCLDWAIT, SIG_DFL, "SA_NOCLDWAIT");
    co_return;
  });
}

ON_KERNEL_REACTORS(Process, WhoseStatusSomebodyElseHasTakenSaysSo) {
  run_on(reactor, []() -> task<> {
    process p = process::start({"cat"});
    p.input().close();
    siginfo_t info{};
    EXPECT_EQ(::waitid(P_PID, static_cast<id_t>(p.pid()), &info, WEXITED), 0);
    const auto r = co_await as_result(p.wait());
    expect_says(failure_in(r.error()), ECHILD, "\"cat\"");
  });
}

ON_KERNEL_REACTORS(Process, WhoseStatusIsIgnoredMeanwhileSaysSo) {
  run_on(reactor, []() -> task<> {
    process p = process::start({"cat"});
    const disposition ignored(SIGCHLD, SIG_IGN);
    p.input().close();
    const auto r = co_await as_result(p.wait());
    expect_says(failure_in(r.error()), ECHILD, "\"cat\"");
  });
}

ON_KERNEL_REACTORS(Process, ThatNobodyHoldsIsEndedWhileOthersRun) {
  run_on(reactor, []() -> task<> {
    process p = process::start({"sleep", "1000"});
    const pid_t pid = p.pid();
    p = process();
    co_await until_gone(pid);
  });
}

ON_KERNEL_REACTORS(Process, FillsBothOutputsBeyondAnyPipe) {
  run_on(reactor, []() -> task<> {
    const std::string text = pattern(300'000);
    const auto r = co_await run_process({"tee", "/dev/stderr"}, process_options().input(text));
    EXPECT_EQ(r.output, text);
    EXPECT_EQ(r.error, text);
  });
}

ON_KERNEL_REACTORS(Process, HasItsOutputReadAfterItsEnd) {
  run_on(reactor, []() -> task<> {
    process p = process::start({"head", "-c", "40000", "/dev/zero"});
    EXPECT_TRUE((co_await p.wait()).success());
    EXPECT_EQ((co_await read_all(p.output())).size(), 40'000U);
  });
}

ON_KERNEL_REACTORS(Process, IsRunByAnyThread) {
  std::thread([&] {
    run_on(reactor, []() -> task<> {
      EXPECT_EQ((co_await run_process({"cat"}, process_options().input("text"))).output, "text");
    });
  }).join();
  expect_no_children();
}

// An error of starting closes what was opened for it.
ON_KERNEL_REACTORS(Process, ThatIsNotStartedLeavesNothing) {
  run_on(reactor, []() -> task<> {
    for (int free = 0; free < 12; ++free) {
      const descriptors_left few(free);
      const auto f = failure_of(
          [] { process::start({"true"}, process_options().error_to(redirect::pipe())); });
      if (f.code) {
        EXPECT_EQ(f.code, system_code(EMFILE)) << f.what;
      }
    }
    co_return;
  });
  expect_no_children();
}

ON_KERNEL_REACTORS(Process, InheritsNoDescriptor) {
  run_on(reactor, []() -> task<> {
    const int open_for_all = ::dup(2);
    const auto r = co_await run_process({"ls", "/proc/self/fd"});
    EXPECT_EQ(r.output, "0\n1\n2\n3\n");  // the last is that of the list itself
    const auto one =
        co_await run_process({"ls", "/proc/self/fd"}, process_options().pass(open_for_all, 9));
    EXPECT_EQ(one.output, "0\n1\n2\n3\n9\n");
    ::close(open_for_all);
  });
}

ON_KERNEL_REACTORS(Process, HasTheDescriptorsItIsGiven) {
  run_on(reactor, []() -> task<> {
    auto [reader, writer] = net::make_pipe();
    std::array<int, 2> raw{};
    EXPECT_EQ(::pipe2(raw.data(), O_CLOEXEC), 0);
    process p = process::start({"sh", "-c", "echo forth >&7"}, process_options().pass(raw[1], 7));
    ::close(raw[1]);
    pipe_stream from = pipe_stream::adopt(raw[0]);
    EXPECT_EQ(co_await read_all(from), "forth\n");
    EXPECT_TRUE((co_await p.wait()).success());
  });
}

// The line of /proc/self/status that says which signals are ignored, SIGPIPE left out.
static std::string ignored_here() {
  unsigned long long mask = 0;
  for (int n = 1; n <= 64; ++n) {
    struct sigaction now{};
    const bool ignored = ::sigaction(n, nullptr, &now) == 0 && now.sa_handler == SIG_IGN;
    if (ignored && n != SIGPIPE) mask |= 1ULL << (n - 1);
  }
  std::array<char, 40> line{};
  std::snprintf(line.data(), line.size(), "SigIgn:\t%016llx", mask);
  return line.data();
}

ON_KERNEL_REACTORS(Process, BeginsWithCleanSignals) {
  run_on(reactor, []() -> task<> {
    sigset_t some;
    sigset_t before;
    ::sigemptyset(&some);
    ::sigaddset(&some, SIGUSR2);
    ::pthread_sigmask(SIG_BLOCK, &some, &before);
    const auto status = co_await run_process({"grep", "Sig[BI]", "/proc/self/status"});
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    EXPECT_NE(status.output.find("SigBlk:\t0000000000000000"), std::string::npos) << status.output;
    // What this process ignores it may have from whoever started it: nohup, a shell's background.
    EXPECT_NE(status.output.find(ignored_here()), std::string::npos) << status.output;
    EXPECT_EQ((co_await run_process({"sh", "-c", "kill -PIPE $$"})).status.signal(), SIGPIPE);
  });
}

ON_KERNEL_REACTORS(Process, HasItsEnvironmentAndDirectory) {
  run_on(reactor, []() -> task<> {
    const auto a = co_await shell("echo $RONDO_A-$RONDO_B; pwd", process_options()
                                                                     .set("RONDO_A", "one")
                                                                     .set("RONDO_B", "two")
                                                                     .unset("RONDO_B")
                                                                     .directory("/proc"));
    EXPECT_EQ(a, "one-\n/proc\n");
    const auto none = co_await run_process(
        {"env"}, process_options().clear_environment().set("PATH", "/usr/bin:/bin").set("A", "1"));
    EXPECT_EQ(none.output, "PATH=/usr/bin:/bin\nA=1\n");
    // It is looked for where its own PATH says.
    expect_says(
        failure_of([] { process::start({"env"}, process_options().set("PATH", "/nowhere")); }),
        ENOENT, "env");
    EXPECT_THROW(process_options().set("A=B", ""), std::invalid_argument);
    EXPECT_THROW(process_options().unset(""), std::invalid_argument);
  });
}

ON_KERNEL_REACTORS(Process, SaysWhatCouldNotBeDone) {
  run_on(reactor, []() -> task<> {
    const temporary_folder folder;
    folder.write("text", "not a program");
    const std::string text = folder.path() + "/text";
    expect_says(failure_of([&] { process::start({text}); }), EACCES, text);
    ::chmod(text.c_str(), 0700);
    expect_says(failure_of([&] { process::start({text}); }), ENOEXEC, text);
    expect_says(failure_of([&] { process::start({folder.path()}); }), EACCES, folder.path());
    expect_says(failure_of([] {
                  process::start({"true"}, process_options().directory("/no/such/folder"));
                }),
                ENOENT, "its directory \"/no/such/folder\"");
    expect_says(failure_of([] { process::start({"true", std::string(1 << 20, 'x')}); }), E2BIG,
                "true");
    EXPECT_EQ(
        (co_await run_process({"sh", "-c", "echo oh >&2; echo no >&2; exit 3"})).status.code(), 3);
    const auto r = co_await run_process({"sh", "-c", "echo oh >&2; echo no >&2; exit 3"});
    EXPECT_EQ(failure_of([&] { r.raise_for_status(); }).what, "\"sh\": exit code 3: no");
    expect_no_children();
  });
}

ON_KERNEL_REACTORS(Process, SendsItsErrorsWhereAsked) {
  run_on(reactor, []() -> task<> {
    const auto both = co_await run_process({"sh", "-c", "echo out; echo err >&2"},
                                           process_options().error_to(redirect::to_output()));
    EXPECT_EQ(both.output, "out\nerr\n");
    const auto none = co_await run_process({"sh", "-c", "echo out; echo err >&2"},
                                           process_options().output_to(redirect::null()));
    EXPECT_EQ(none.output, "");
    EXPECT_EQ(none.error, "err\n");
    std::array<int, 2> raw{};
    EXPECT_EQ(::pipe2(raw.data(), O_CLOEXEC), 0);
    const auto there = co_await run_process(
        {"echo", "there"}, process_options().output_to(redirect::descriptor(raw[1])));
    ::close(raw[1]);
    pipe_stream from = pipe_stream::adopt(raw[0]);
    EXPECT_EQ(co_await read_all(from), "there\n");
  });
}

ON_KERNEL_REACTORS(Process, WhoseChildHoldsThePipeDelaysTheEndByTheGraceAtMost) {
  run_on(reactor, []() -> task<> {
    const auto r =
        co_await run_process({"sh", "-c", "sleep 1000 & echo $!"}, process_options().grace(30ms));
    EXPECT_TRUE(r.status.success());
    EXPECT_FALSE(r.complete);
    pid_t left = 0;
    for (const char c : r.output)
      if (c != '\n') left = left * 10 + (c - '0');
    EXPECT_GT(left, 1);
    if (left > 1) ::kill(left, SIGKILL);
  });
}

ON_KERNEL_REACTORS(Process, ThatLeadsAGroupEndsWithIt) {
  run_on(reactor, []() -> task<> {
    process p = process::start({"sh", "-c", "(trap '' TERM; exec sleep 1000) & echo $!; wait"},
                               process_options().own_group());
    const std::string line = co_await read_line(p.output());
    const pid_t left = static_cast<pid_t>(std::stoi(line));
    EXPECT_TRUE(runs(left));
    EXPECT_EQ(::getpgid(left), p.pid());
    co_await p.stop();
    co_await until_gone(left);
  });
}

ON_KERNEL_REACTORS(Process, ThatIsCancelledMaySayGoodbyeAtLength) {
  run_on(reactor, []() -> task<> {
    const temporary_folder folder;
    const std::string said = folder.path() + "/said";
    const std::string ready = folder.path() + "/ready";
    const std::string script = "trap 'head -c 300000 /dev/zero; echo yes > " + said +
                               "; exit 0' TERM; echo > " + ready + "; while :; do sleep 0.01; done";
    co_await with_task_group([&](task_group& g) -> task<> {
      auto h = g.spawn(run_process({"sh", "-c", script}));
      while (content_of(ready).empty()) co_await sleep_for(1ms);
      h.cancel();
    });
    EXPECT_EQ(content_of(said), "yes\n");
    expect_no_children();
  });
}

ON_KERNEL_REACTORS(Process, HasATerminal) {
  run_on(reactor, []() -> task<> {
    const auto r =
        co_await run_process({"sh", "-c",
                              "stty size; test -t 0 && test -t 1 && test -t 2 && echo terminal; "
                              "ps -o tty= -p $$ | grep -q pts && echo controls"},
                             process_options().terminal({.rows = 30, .columns = 100}));
    EXPECT_TRUE(r.status.success()) << r.output;
    EXPECT_NE(r.output.find("30 100\r\n"), std::string::npos) << r.output;
    EXPECT_NE(r.output.find("terminal\r\n"), std::string::npos) << r.output;
    process p = process::start({"cat"}, process_options().terminal());
    co_await p.input().write_all(bytes_of("line\n"));
    EXPECT_EQ(co_await read_line(p.output()), "line\r\n");  // the echo
    EXPECT_EQ(co_await read_line(p.output()), "line\r\n");
    p.resize({.rows = 1, .columns = 1});
    co_await p.input().shutdown_write();
    EXPECT_TRUE((co_await p.wait()).success());
    process plain = process::start({"cat"});
    expect_says(failure_of([&] { plain.resize({}); }), ENOTTY, "resize");
  });
}

// --- older kernels ---

namespace {

// Where the kernel does not know a system call; in a program of its own.
template <class Body>
void without(int system_call, Body body) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        const bool forbidden = forbid_system_call(system_call, ENOSYS);
        bool good = false;
        run(body(good), run_options().reactor(reactor_kind::epoll));
        std::_Exit(forbidden && good ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
}

}  // namespace

// Linux 5.4 has no close_range.
TEST(ProcessDeathTest, InheritsNoDescriptorOfAnOlderKernel) {
  without(SYS_close_range, [](bool& good) -> task<> {
    const int open_for_all = ::dup(2);
    const auto r =
        co_await run_process({"ls", "/proc/self/fd"}, process_options().pass(open_for_all, 40));
    good = r.output == "0\n1\n2\n3\n40\n";
  });
}

TEST(ProcessDeathTest, NamesTheKernelThatItNeeds) {
  without(SYS_pidfd_open, [](bool& good) -> task<> {
    const auto f = failure_of([] { process::start({"true"}); });
    good = f.code == system_code(ENOSYS) && f.what.find("Linux 5.4") != std::string::npos;
    co_return;
  });
}

}  // namespace net_process_cases
