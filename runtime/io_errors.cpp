#include <rondo/runtime/io_errors.hpp>
#include <rondo/runtime/reactor/operation.hpp>

#include <string>

namespace rondo {
namespace {

class io_category_type final : public std::error_category {
 public:
  const char* name() const noexcept override { return "rondo.io"; }
  std::string message(int code) const override {
    switch (static_cast<io_errc>(code)) {
      case io_errc::closed: return "the stream is closed";
      case io_errc::busy: return "another task is using this direction of the stream";
      case io_errc::write_broken: return "an earlier write on this stream was cancelled half-way";
    }
    return "unknown error " + std::to_string(code);
  }
};

}  // namespace

const std::error_category& io_category() noexcept {
  static const io_category_type category;
  return category;
}

}  // namespace rondo

namespace rondo::detail {

std::error_code error_of(std::int32_t result) noexcept {
  switch (result) {
    case result_closed: return io_errc::closed;
    case result_busy: return io_errc::busy;
    case result_write_broken: return io_errc::write_broken;
    default: return {-result, std::system_category()};
  }
}

void throw_io_error(std::int32_t result, const char* what) {
  throw std::system_error(error_of(result), what);
}

}  // namespace rondo::detail
