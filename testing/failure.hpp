// failure: what the tools of this layer throw, and what a test of yours may throw, when something
// is not as it should be.
//
//   test::expect(office.waiting() == 0, "somebody still stands in line");
//
// It is an exception, so that it needs no framework: GoogleTest and Catch2 print it as the failure
// of the test, run_main prints it and gives 1.
#pragma once

#include <rondo/version.hpp>

#include <source_location>
#include <stdexcept>
#include <string>

namespace rondo::test {

// what() says what is wrong, and where: "cancelled at rest in wait 3: …".
class failure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Throws a failure that quotes `sentence`, which is what holds no more, and the place of the call,
// unless it is so.
void expect(bool so, const std::string& sentence,
            std::source_location where = std::source_location::current());

}  // namespace rondo::test
