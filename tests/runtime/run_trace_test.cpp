// The file is read by a JSON parser and checked against what Chrome's "Trace Event Format" asks of
// the events that are in it.
#include "support/conformance.hpp"
#include "support/environment_variable.hpp"

#include <rondo/runtime.hpp>

#include <gtest/gtest.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include <fstream>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace run_trace_test {
namespace {

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using nlohmann::json;

// A name of its own, and no file at the end.
class trace_path {
 public:
  explicit trace_path(const std::string& name)
      : path_(testing::TempDir() + "rondo-" + name + '-' + std::to_string(::getpid()) + ".json") {
    ::unlink(path_.c_str());
  }
  trace_path(const trace_path&) = delete;
  trace_path& operator=(const trace_path&) = delete;
  ~trace_path() { ::unlink(path_.c_str()); }
  const std::string& text() const { return path_; }

 private:
  std::string path_;
};

struct slice {
  std::string name;
  std::string kind;
  double begin;
  double end;
  json arguments;
};
using track = std::pair<long, long>;  // process and thread

struct trace {
  std::map<track, std::vector<slice>> slices;
  std::map<track, std::string> names;
  std::set<long> loops;
};

// What is no trace is a failure.
trace read_trace(const std::string& path) {
  trace t;
  std::ifstream file(path);
  const json all = json::parse(file);
  EXPECT_TRUE(all.at("traceEvents").is_array());
  for (const json& e : all.at("traceEvents")) {
    const track where{e.at("pid").get<long>(), e.at("tid").get<long>()};
    const std::string phase = e.at("ph");
    if (phase == "M") {
      const std::string what = e.at("name");
      EXPECT_TRUE(what == "process_name" || what == "thread_name") << e;
      EXPECT_TRUE(e.at("args").at("name").is_string()) << e;
      if (what == "process_name")
        t.loops.insert(where.first);
      else
        t.names[where] = e.at("args").at("name");
      continue;
    }
    EXPECT_EQ(phase, "X") << e;
    EXPECT_GE(e.at("ts").get<double>(), 0) << e;
    EXPECT_GE(e.at("dur").get<double>(), 0) << e;
    t.slices[where].push_back({e.at("name"), e.at("cat"), e.at("ts"),
                               e.at("ts").get<double>() + e.at("dur").get<double>(),
                               e.value("args", json())});
  }
  // Slices of a track may only follow or contain each other.
  for (auto& [where, slices] : t.slices) {
    EXPECT_TRUE(t.names.contains(where)) << "a track has a name";
    for (const slice& a : slices)
      for (const slice& b : slices) {
        constexpr double rounding = 0.002;
        const bool apart = a.end <= b.begin + rounding || b.end <= a.begin + rounding;
        const bool inside = (a.begin <= b.begin + rounding && b.end <= a.end + rounding) ||
                            (b.begin <= a.begin + rounding && a.end <= b.end + rounding);
        EXPECT_TRUE(apart || inside) << a.name << " and " << b.name;
      }
  }
  return t;
}

const slice* find(const trace& t, const std::string& track_name, const std::string& name) {
  for (const auto& [where, slices] : t.slices)
    if (t.names.at(where).find(track_name) != std::string::npos)
      for (const slice& s : slices)
        if (s.name.find(name) != std::string::npos) return &s;
  return nullptr;
}

task<> wait_for(queue<int>& q) {
  set_task_name("getter \"one\"\n");
  co_await q.next();
}

TEST(RunTrace, HasATrackForEachTaskWithItsAwaitsInVirtualTime) {
  const trace_path path("virtual");
  run(
      [&]() -> task<> {
        queue<int> q(1);
        co_await with_task_group([&](task_group& g) -> task<> {
          g.spawn(wait_for(q));
          co_await sleep_for(1500ms);
          q.close();
        });
      },
      run_options().reactor(reactor_kind::simulated).trace_file(path.text()));
  const trace t = read_trace(path.text());
  EXPECT_EQ(t.loops.size(), 1U);
  const slice* waits = find(t, "getter \"one\"\n", "an item of a queue");
  ASSERT_TRUE(waits);
  EXPECT_EQ(waits->kind, "await");
  EXPECT_EQ(waits->end - waits->begin, 1'500'000);
  EXPECT_EQ(waits->arguments.at("at").get<std::string>().rfind("run_trace_test.cpp:", 0), 0U);
  const slice* sleeps = find(t, "", "a time");
  ASSERT_TRUE(sleeps);
  EXPECT_EQ(sleeps->end - sleeps->begin, 1'500'000);
  const slice* life = find(t, "main: ", "main: ");
  ASSERT_TRUE(life);
  EXPECT_EQ(life->kind, "task");
  EXPECT_EQ(life->end, 1'500'000);
}

CONFORMANCE_RUNS(RunTrace, TellsWhichTasksWereCancelled) {
  const trace_path path("cancelled");
  run_as(options_for(reactor).trace_file(path.text()), []() -> task<> {
    co_await with_task_group([](task_group& g) -> task<> {
      g.spawn([]() -> task<> {
        set_task_name("victim");
        co_await sleep_for(1h);
      });
      co_await yield_now();
      g.cancel();
    });
  });
  const trace t = read_trace(path.text());
  const slice* life = find(t, "victim", "victim");
  ASSERT_TRUE(life);
  EXPECT_EQ(life->arguments.at("end"), "cancelled");
}

TEST(RunTrace, RunsOfOneProcessShareAFileThatIsWholeAfterEach) {
  const trace_path path("shared");
  const environment_variable named("RONDO_TRACE", path.text().c_str());
  for (std::size_t i = 1; i <= 3; ++i) {
    run([]() -> task<> { co_await sleep_for(1s); }, run_options().reactor(reactor_kind::simulated));
    EXPECT_EQ(read_trace(path.text()).loops.size(), i);
  }
}

TEST(RunTrace, ThatCannotBeWrittenIsLoggedAndStopsNothing) {
  std::vector<std::string> said;
  set_log_sink([&](const log_record& r) { said.emplace_back(r.sentence); });
  const int n = run([]() -> task<int> { co_return 7; },
                    run_options().reactor(reactor_kind::simulated).trace_file("/no/such/folder/x"));
  reset_log_sink();
  EXPECT_EQ(n, 7);
  ASSERT_EQ(said.size(), 1U);
  EXPECT_NE(said[0].find("the trace cannot be written to /no/such/folder/x: No such file"),
            std::string::npos)
      << said[0];
}

}  // namespace
}  // namespace run_trace_test
