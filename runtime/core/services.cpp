#include <rondo/runtime/core/services.hpp>
#include <rondo/runtime/core/unhandled.hpp>

#include <utility>

namespace rondo::detail {

void services::run(task<> t) {
  auto* record = new service_record(std::move(t));
  running_.push_back(*record);
  record->start(*record);
}

void service_record::on_end(job&) noexcept {
  let_go();
  if (outcome<void> o = take_outcome(); o.has_error()) report_unhandled(o.error());
  discard();  // its arguments may look at the job
  unlink();
  delete this;
}

}  // namespace rondo::detail
