#include <rondo/runtime/outcome.hpp>

namespace rondo::detail {

std::error_code code_of(const std::exception_ptr& e) noexcept {
  try {
    std::rethrow_exception(e);
  } catch (const std::system_error& error) {
    return error.code();
  } catch (...) {
    return {};
  }
}

}  // namespace rondo::detail
