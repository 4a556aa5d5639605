#include <rondo/runtime/core/job_names.hpp>
#include <rondo/runtime/core/loop_core.hpp>
#include <rondo/runtime/inside/debug_table.hpp>
#include <rondo/runtime/log.hpp>

#include <atomic>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

namespace rondo::detail {

namespace {

std::uint64_t next_loop_id() noexcept {
  static constinit std::atomic<std::uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

// Asked before anything that belongs to the loop that runs is touched.
void refuse_nesting() {
  if (this_thread.running_loop) throw std::logic_error("rondo::run called inside a running loop");
}

}  // namespace

void mailbox::close() noexcept {
  inside_.fetch_or(closed, std::memory_order_acq_rel);
  while (inside_.load(std::memory_order_acquire) != closed) std::this_thread::yield();
  posts_.take_all([](remote_node& n) { n.drop(); });
}

loop_core::loop_core(reactor_maker& make, const reactor_choice& choice,
                     std::shared_ptr<unhandled_sink> on_unhandled)
    : simulated_(choice.kind == reactor_kind::simulated),
      reactor_((refuse_nesting(), make(choice, completed_))),
      mailbox_(std::make_shared<detail::mailbox>(*reactor_)),
      id_(next_loop_id()),
      on_unhandled_(std::move(on_unhandled)) {
  this_thread.running_loop = this;
  this_thread.ready = &ready_;
  read_clock();
  enter_debug_table(*this);
}

loop_core::~loop_core() {
  leave_debug_table(*this);
  mailbox_->close();
  watch_.reset();
  reactor_.reset();
  this_thread.running_loop = nullptr;
  this_thread.ready = nullptr;
  this_thread.debug = false;
}

void loop_core::set_name(job& j, std::string name) {
  if (!names_) names_ = std::make_unique<job_names>();
  names_->set(j, std::move(name));
  j.named_ = true;
}

const std::string* loop_core::name_of(const job& j) const noexcept {
  return j.named_ && names_ ? names_->find(j) : nullptr;
}

std::optional<std::string> loop_core::shown_name(const job& j) const {
  if (const std::string* given = name_of(j)) return *given;
  const task_namer* n = j.owner() && !j.ended() ? j.owner()->namer() : nullptr;
  if (!n) return std::nullopt;
  return n->task_name();
}

void loop_observers::add(loop_observer& o) noexcept {
  loop_observer** end = &first_;
  while (*end) end = &(*end)->next_;
  *end = &o;
  o.next_ = nullptr;
}

namespace {

void log_unhandled(const char* what) noexcept {
  if (!is_logged(log_level::error)) return;
  static constexpr std::string_view sentence = "an exception that nobody awaits";
  try {
    log(log_level::error, "runtime", std::string(sentence).append(": ").append(what),
        {{"what", what}});
  } catch (const std::bad_alloc&) {
    log(log_level::error, "runtime", sentence, {{"what", what}});
  }
}

}  // namespace

void report_unhandled(const std::shared_ptr<unhandled_sink>& to, std::exception_ptr e) noexcept {
  try {
    if (to) {
      to->take(std::move(e));
      return;
    }
    std::rethrow_exception(std::move(e));
  } catch (const std::exception& error) {
    log_unhandled(error.what());
  } catch (...) {
    log(log_level::error, "runtime", "an exception that nobody awaits, not a std::exception");
  }
}

void report_unhandled(std::exception_ptr e) noexcept {
  if (const loop_core* l = this_thread.running_loop)
    report_unhandled(l->on_unhandled(), std::move(e));
  else
    report_unhandled(nullptr, std::move(e));
}

}  // namespace rondo::detail
