// The whole of Rondo's patterns: tasks run together, and work that survives failures.
#pragma once
