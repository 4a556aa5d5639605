#include "stage.hpp"

namespace guide::processes {
namespace {

task<> sorted() {
  // begin run
  using net::process_options;
  auto r =
      co_await net::run_process({"sort", "-n"}, process_options().input("10\n9\n").timeout(5s));
  r.raise_for_status();  // throws: the program, how it ended, its last words
  use(r.output);         // "9\n10\n"
  // end run
  EXPECT_EQ(r.output, "9\n10\n");
}

task<> spoken_to() {
  std::vector<std::string> said;
  const auto use = [&](std::optional<std::string_view> text) { said.emplace_back(text.value()); };
  // begin talk
  net::process p = net::process::start({"sed", "-u", "s/^/heard: /"});
  co_await p.input().write_all(net::bytes_of("hello\n"));
  net::buffered_reader lines(p.output());
  use(co_await lines.read_line(100));    // "heard: hello"
  co_await p.input().shutdown_write();   // sed reads the end, and ends
  use((co_await p.wait()).to_string());  // "exit code 0"
  // end talk
  EXPECT_EQ(said, (std::vector<std::string>{"heard: hello", "exit code 0"}));
}

[[maybe_unused]] task<> pipelines() {
  // begin pipeline
  using net::process_options, net::redirect;
  auto all = co_await net::run_pipeline({{"dmesg"}, {"grep", "-i", "error"}, {"wc", "-l"}});
  use(all.back().output);

  co_await net::run_process({"make"}, process_options()
                                          .directory("/src/app")
                                          .set("LANG", "C")
                                          .output_to(redirect::file("build.log"))
                                          .error_to(redirect::to_output())
                                          .own_group());
  // end pipeline
}

task<> played() {
  // begin played
  net::simulate_program("backup", [](net::simulated_process& me) -> task<int> {
    me.handle(SIGTERM);  // it takes its time
    co_await me.next_signal();
    co_await sleep_for(3s);
    co_await me.error().write_all(net::bytes_of("interrupted\n"));
    co_return 4;
  });
  auto r = co_await net::run_process({"backup"}, net::process_options().grace(1s).timeout(1h));
  // end played
}

TEST(Processes, ARealOneIsRunAndSpokenTo) {
  run(sorted());
  run(spoken_to());
}

TEST(Processes, ACoroutinePlaysAProgram) {
  EXPECT_THROW(run(played(), run_options().reactor(reactor_kind::simulated)), timed_out);
}

}  // namespace
}  // namespace guide::processes
