#include <rondo/runtime/core/job_names.hpp>
#include <rondo/runtime/core/loop_core.hpp>
#include <rondo/runtime/inside/debug_layout.hpp>
#include <rondo/runtime/inside/debug_table.hpp>
#include <rondo/runtime/io.hpp>
#include <rondo/runtime/scope.hpp>
#include <rondo/runtime/task_group.hpp>

#include <array>
#include <bit>

namespace rondo::detail {

#define RONDO_REACH(tag, ...)                  \
  struct tag {                                 \
    friend constexpr auto reach(tag) noexcept; \
  };                                           \
  template struct private_member<tag, __VA_ARGS__>;

namespace {
using some_finally = finally_wait<void, task<> (*)()>;
}  // namespace

RONDO_REACH(reach_leaf, &job::leaf_)
RONDO_REACH(reach_on, &job::on_)
RONDO_REACH(reach_owner, &job::owner_)
RONDO_REACH(reach_state, &job::state_)
RONDO_REACH(reach_step, &job::step_)
RONDO_REACH(reach_main, &loop_core::main_)
RONDO_REACH(reach_names, &loop_core::names_)
RONDO_REACH(reach_services, &loop_core::services_)
RONDO_REACH(reach_running, &services::running_)
RONDO_REACH(reach_id, &loop_core::id_)
RONDO_REACH(reach_child, &scope_wait::child_)
RONDO_REACH(reach_body, &group_wait::body_)
RONDO_REACH(reach_body_running, &group_wait::body_running_)
RONDO_REACH(reach_children, &group_wait::children_)
RONDO_REACH(reach_spawned_at, &child_record::spawned_at_)
RONDO_REACH(reach_finally_body, &some_finally::body_)
RONDO_REACH(reach_cleanup, &some_finally::cleanup_)
RONDO_REACH(reach_cleaning, &some_finally::cleaning_)
RONDO_REACH(reach_kind, &io_call::kind_)
#undef RONDO_REACH

namespace {

constexpr std::size_t operation_kinds = static_cast<std::size_t>(operation_kind::sendfile) + 1;
constexpr auto operation_names = [] {
  std::array<const char*, operation_kinds> names{};
  for (std::size_t i = 0; i < names.size(); ++i) names[i] = name_of(static_cast<operation_kind>(i));
  return names;
}();

void describe_runtime(debug_table& t) noexcept {
  t.add("job.leaf", offset_in(reach(reach_leaf())));
  t.add("job.on", offset_in(reach(reach_on())));
  t.add("job.owner", offset_in(reach(reach_owner())));
  t.add("job.state", offset_in(reach(reach_state())));
  t.add("job.step", offset_in(reach(reach_step())));
  t.add("promise.parent", offset_in(&promise_base::parent));
  t.add("promise.awaiting", offset_in(&promise_base::awaiting));
  t.add("loop.main", offset_in(reach(reach_main())));
  t.add("loop.names", offset_in(reach(reach_names())));
  t.add("loop.id", offset_in(reach(reach_id())));
  t.add("loop.services", offset_in(reach(reach_services())) + offset_in(reach(reach_running())));
  t.add("service.node", base_in<service_record, list_node>());
  t.add("service.job", base_in<service_record, job>());
  t.add("list.next", offset_in(&list_node::next));
  t.add("scope.child", offset_in(reach(reach_child())));
  t.add("group.body", offset_in(reach(reach_body())));
  t.add("group.body_running", offset_in(reach(reach_body_running())));
  t.add("group.children", offset_in(reach(reach_children())));
  t.add("record.node", base_in<child_record, list_node>());
  t.add("record.job", base_in<child_record, job>());
  t.add("record.spawned_at", offset_in(reach(reach_spawned_at())));
  t.add("finally.body", offset_in(reach(reach_finally_body())));
  t.add("finally.cleanup", offset_in(reach(reach_cleanup())));
  t.add("finally.cleaning", offset_in(reach(reach_cleaning())));
  const std::int64_t op = base_in<io_wait, operation>();
  t.add("io.kind", op + base_in<operation, io_call>() + offset_in(reach(reach_kind())));
  t.add("io.fd", op + offset_in(&operation::target) + offset_in(&descriptor::fd));
  t.add("io.names", std::bit_cast<std::int64_t>(operation_names.data()));
}

}  // namespace

void describe_layout() noexcept { enter_layout(&describe_runtime); }

}  // namespace rondo::detail
