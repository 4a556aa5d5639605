// The whole of Rondo's patterns: tasks run together, and work that survives failures.
#pragma once

#include <rondo/patterns/as_completed.hpp>
#include <rondo/patterns/backoff.hpp>
#include <rondo/patterns/bulkhead.hpp>
#include <rondo/patterns/circuit_breaker.hpp>
#include <rondo/patterns/compose.hpp>
#include <rondo/patterns/fallback.hpp>
#include <rondo/patterns/gather.hpp>
#include <rondo/patterns/keyed.hpp>
#include <rondo/patterns/hedge.hpp>
#include <rondo/patterns/map_concurrent.hpp>
#include <rondo/patterns/pipeline.hpp>
#include <rondo/patterns/policy.hpp>
#include <rondo/patterns/race.hpp>
#include <rondo/patterns/rate_limiter.hpp>
#include <rondo/patterns/rejection.hpp>
#include <rondo/patterns/retry.hpp>
#include <rondo/patterns/select.hpp>
#include <rondo/patterns/shared_circuit_breaker.hpp>
#include <rondo/patterns/telemetry.hpp>
#include <rondo/patterns/retry_after.hpp>
#include <rondo/patterns/retry_budget.hpp>
#include <rondo/patterns/shared_rate_limiter.hpp>
#include <rondo/patterns/timeouts.hpp>
#include <rondo/patterns/verdict.hpp>
