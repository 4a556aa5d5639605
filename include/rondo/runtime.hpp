// The whole of Rondo's runtime: tasks, the loop, scopes, queues, threads.
#pragma once

#include <rondo/runtime/as_result.hpp>
#include <rondo/runtime/errors.hpp>
#include <rondo/runtime/event.hpp>
#include <rondo/runtime/io.hpp>
#include <rondo/runtime/io_errors.hpp>
#include <rondo/runtime/loop.hpp>
#include <rondo/runtime/outcome.hpp>
#include <rondo/runtime/queue.hpp>
#include <rondo/runtime/reactor_sim.hpp>
#include <rondo/runtime/run.hpp>
#include <rondo/runtime/scope.hpp>
#include <rondo/runtime/sleep.hpp>
#include <rondo/runtime/task.hpp>
#include <rondo/runtime/task_group.hpp>
#include <rondo/runtime/to_thread.hpp>
