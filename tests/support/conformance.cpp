#include "support/conformance.hpp"

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

class one_case final : public testing::Test {
 public:
  one_case(reactor_kind kind, bool counted, std::function<void(reactor_kind)> body)
      : kind_(kind), counted_(counted), body_(std::move(body)) {}

 private:
  void TestBody() override {
    if (const std::string& why = why_missing(kind_); !why.empty()) {
      if (counted_) ++tally_of(kind_).skipped;
      GTEST_SKIP() << name_of(kind_) << ": " << why;
    }
    if (counted_) ++tally_of(kind_).ran;
    body_(kind_);
  }

  reactor_kind kind_;
  bool counted_;
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
    std::fflush(stdout);
    const bool all = testing::GTEST_FLAG(filter) == "*" &&
                     testing::UnitTest::GetInstance()->test_to_run_count() ==
                         testing::UnitTest::GetInstance()->total_test_count();
    EXPECT_TRUE(equal || skipped || !all) << line << ": not the same number on every reactor";
    for (tally& t : tallies) t.ran = t.skipped = 0;  // --gtest_repeat
  }
};

bool add(reactors which, const char* suite, const char* name, const char* file, int line,
         const std::function<void(reactor_kind)>& body) {
  const bool counted = which == reactors::all;
  if (counted) {
    [[maybe_unused]] static auto* const added = testing::AddGlobalTestEnvironment(new summary);
  }
  for (const tally& t : tallies) {
    const reactor_kind kind = t.kind;
    if (!counted && kind == reactor_kind::simulated) continue;
    const std::string full = std::string(name) + "/" + name_of(kind);
    testing::RegisterTest(
        suite, full.c_str(), nullptr, nullptr, file, line,
        [kind, counted, body]() -> testing::Test* { return new one_case(kind, counted, body); });
  }
  return true;
}

}  // namespace

bool add_case(reactors which, const char* suite, const char* name, const char* file, int line,
              rondo::task<> (*body)(reactor_kind)) {
  return add(which, suite, name, file, line,
             [body](reactor_kind kind) { run_on(kind, body(kind)); });
}

bool add_case(reactors which, const char* suite, const char* name, const char* file, int line,
              void (*body)(reactor_kind)) {
  return add(which, suite, name, file, line, body);
}

}  // namespace rondo_test
