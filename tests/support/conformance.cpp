#include "support/conformance.hpp"

#include <rondo/version.hpp>

#include <array>
#include <cstddef>
#include <cstdio>
#include <functional>
#include <string>

namespace rondo_test {
namespace {

using rondo::reactor_kind;

struct tally {
  reactor_kind kind;
  int ran = 0;
  int skipped = 0;
  // Of the cases of both versions, by version.
  int over_http1 = 0;
  int over_http2 = 0;
};
constinit std::array<tally, 3> tallies{
    {{reactor_kind::epoll}, {reactor_kind::io_uring}, {reactor_kind::simulated}}};

tally& tally_of(reactor_kind kind) {
  for (tally& t : tallies)
    if (t.kind == kind) return t;
  return tallies[0];
}

// Asked once a reactor: the answer does not change while the program runs.
const std::string& why_missing(reactor_kind kind) {
  static const std::string uring = missing(reactor_kind::io_uring);
  static const std::string none;
  return kind == reactor_kind::io_uring ? uring : none;
}

constinit bool is_over_http2 = false;

struct way {
  reactor_kind kind;
  bool counted;
  versions spoken;
  bool http2;  // the second of two versions
};

class one_case final : public testing::Test {
 public:
  one_case(way w, std::function<void(reactor_kind)> body) : way_(w), body_(std::move(body)) {}

 private:
  void SetUp() override { is_over_http2 = way_.http2; }
  void TearDown() override { is_over_http2 = false; }
  void TestBody() override {
    tally& t = tally_of(way_.kind);
    if (const std::string& why = why_missing(way_.kind); !why.empty()) {
      if (way_.counted) ++t.skipped;
      GTEST_SKIP() << name_of(way_.kind) << ": " << why;
    }
    if (way_.counted) ++t.ran;
    if (way_.spoken == versions::both) ++(way_.http2 ? t.over_http2 : t.over_http1);
    body_(way_.kind);
  }

  way way_;
  std::function<void(reactor_kind)> body_;
};

// Says how many cases ran where, and that none was forgotten.
class summary final : public testing::Environment {
  void TearDown() override {
    std::string line = "conformance:";
    bool equal = true;
    bool skipped = false;
    for (const tally& t : tallies) {
      line += std::string(&t == tallies.data() ? " " : ", ") + name_of(t.kind) + " " +
              std::to_string(t.ran);
      if (t.skipped > 0) line += " (" + std::to_string(t.skipped) + " skipped)";
      skipped |= t.skipped > 0;
      equal &= t.ran == tallies[0].ran;
    }
    std::printf("%s cases\n", line.c_str());
    const bool all_versions = say_versions();
    std::fflush(stdout);
    const bool all = testing::GTEST_FLAG(filter) == "*" &&
                     testing::UnitTest::GetInstance()->test_to_run_count() ==
                         testing::UnitTest::GetInstance()->total_test_count();
    EXPECT_TRUE(equal || skipped || !all) << line << ": not the same number on every reactor";
    EXPECT_TRUE(all_versions || !all) << "not the same number over every version of HTTP";
    for (tally& t : tallies)  // --gtest_repeat
      t.ran = t.skipped = t.over_http1 = t.over_http2 = 0;
  }

  static bool say_versions() {
    std::string line = "over HTTP/1.1 and HTTP/2:";
    bool equal = true;
    bool any = false;
    for (const tally& t : tallies) {
      line += std::string(&t == tallies.data() ? " " : ", ") + name_of(t.kind) + " " +
              std::to_string(t.over_http1) + " and " + std::to_string(t.over_http2);
      any |= t.over_http1 + t.over_http2 > 0;
      equal &= t.over_http1 == t.over_http2;
    }
    if (!rondo::features().http2 || !any) return true;
    std::printf("%s of them\n", line.c_str());
    return equal;
  }
};

bool add(reactors which, versions spoken, const char* suite, const char* name, const char* file,
         int line, const std::function<void(reactor_kind)>& body) {
  const bool counted = which == reactors::all;
  if (counted) {
    [[maybe_unused]] static auto* const added = testing::AddGlobalTestEnvironment(new summary);
  }
  for (const tally& t : tallies) {
    if (!counted && t.kind == reactor_kind::simulated) continue;
    for (const bool http2 : {false, true}) {
      if (http2 && (spoken == versions::one || !rondo::features().http2)) continue;
      const way w{t.kind, counted, spoken, http2};
      const std::string full = std::string(name) + (http2 ? "/http2/" : "/") + name_of(t.kind);
      testing::RegisterTest(suite, full.c_str(), nullptr, nullptr, file, line,
                            [w, body]() -> testing::Test* { return new one_case(w, body); });
    }
  }
  return true;
}

}  // namespace

bool speaks_http2() noexcept { return is_over_http2; }

bool add_case(reactors which, versions spoken, const char* suite, const char* name,
              const char* file, int line, rondo::task<> (*body)(reactor_kind)) {
  return add(which, spoken, suite, name, file, line,
             [body](reactor_kind kind) { run_on(kind, body(kind)); });
}

bool add_case(reactors which, versions spoken, const char* suite, const char* name,
              const char* file, int line, void (*body)(reactor_kind)) {
  return add(which, spoken, suite, name, file, line, body);
}

}  // namespace rondo_test
