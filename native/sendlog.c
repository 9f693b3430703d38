/* Departures and arrivals of packets with a transport-wide sequence number, for the estimator. */
#include "core.h"

void log_add(struct log *log, uint32_t transport, uint16_t sequence, size_t size, int64_t at_us) {
    log->rows[log->count++ % LOG_ROWS] =
        (struct sfu_log_row){transport, sequence, (uint16_t)size, at_us};
}
