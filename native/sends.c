/* Batches that only send: which core each command needs, and each core's part of them alone. */
#include <string.h>

#include "commands.h"

struct sending {
    const struct house *house;
    struct sends *sends;
    int core, at;
};

static bool take_send(void *context, uint32_t kind, const uint8_t *body, size_t length) {
    struct sending *turn = context;
    struct sends *sends = turn->sends;
    struct sfu_transmit command;
    if (kind != COMMAND_TRANSMIT && kind != COMMAND_TRANSMIT_RTCP) return false;
    if (sends->count == SENDS_MAX || length < sizeof command) return false;
    memcpy(&command, body, sizeof command);
    if (command.length > length - sizeof command) return false;
    const struct core *core = house_addressee(turn->house, kind, body);
    int index = core ? core->index : 0; /* it does nothing there */
    bool asks = core && kind == COMMAND_TRANSMIT;
    *(asks ? &sends->owners : &sends->homes) |= 1u << index;
    sends->of[sends->count].owner = sends->of[sends->count].home = (uint8_t)index;
    sends->of[sends->count++].asks = asks;
    return true;
}

bool house_sends(const struct house *house, const uint8_t *commands, size_t length,
                 struct sends *sends) {
    struct sending turn = {.house = house, .sends = sends};
    sends->count = 0;
    sends->owners = sends->homes = 0;
    return house->count > 1 && commands_each(commands, length, take_send, &turn) == 0;
}

static bool ask_one(void *context, uint32_t kind, const uint8_t *body, size_t length) {
    struct sending *turn = context;
    struct sends *sends = turn->sends;
    int at = turn->at++;
    (void)kind;
    if (!sends->of[at].asks || sends->of[at].owner != turn->core) return true;
    struct core *owner = turn->house->cores[turn->core];
    int home = house_transmitter(turn->house, owner, body, length)->index;
    sends->of[at].home = (uint8_t)home;
    sends->homes |= 1u << home;
    return true;
}

void house_ask_owner(const struct house *house, int core, const uint8_t *commands, size_t length,
                     struct sends *sends) {
    struct sending turn = {house, sends, core, 0};
    commands_each(commands, length, ask_one, &turn);
}

static bool send_one(void *context, uint32_t kind, const uint8_t *body, size_t length) {
    struct sending *turn = context;
    if (turn->sends->of[turn->at++].home != turn->core) return true;
    return core_apply_one(turn->house->cores[turn->core], kind, body, length);
}

void house_send(const struct house *house, int core, const uint8_t *commands, size_t length,
                struct sends *sends) {
    struct sending turn = {house, sends, core, 0};
    commands_each(commands, length, send_one, &turn);
}
