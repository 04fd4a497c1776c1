/* Buttons: up to eight inputs polled together; changes are reported until the host acknowledges them. */
#include <string.h>

#include "core/board.h"
#include "core/declare.h"
#include "core/mcu.h"
#include "core/objects.h"

DECL_REASON(BUTTONS_COUNT, "Max of 8 buttons");
DECL_REASON(BUTTONS_POSITION, "Set button past maximum button count");
DECL_REASON(BUTTONS_ACK, "Acknowledged more button reports than there are");
DECL_RESPONSE(buttons_state_response, "buttons_state oid=%c ack_count=%c state=%*s");

enum { BUTTONS_MAX = 8, REPORTS_MAX = 8 };

struct buttons {
    struct timer timer;
    uint32_t rest_ticks;
    uint8_t button_count;
    uint8_t pins_set;     /* bit by bit: the pin is configured */
    uint8_t invert;       /* bit by bit: pressed is low */
    uint8_t seen;         /* at the last poll */
    uint8_t pressed;      /* held for two polls: what was last put into reports */
    uint8_t report_count; /* not yet acknowledged */
    uint8_t ack_count;    /* acknowledged so far, mod 256 */
    uint8_t retransmit_count, polls_to_retransmit;
    volatile bool report_wanted;
    uint8_t reports[REPORTS_MAX];
    struct board_input pins[BUTTONS_MAX];
};

static const struct object_kind buttons_kind;
static struct task_wake buttons_wake;

/* Timer context. */
static void want_report(struct buttons *b)
{
    b->polls_to_retransmit = b->retransmit_count;
    b->report_wanted = true;
    task_wake(&buttons_wake);
}

/* Timer context. */
static uint8_t read_pins(const struct buttons *b)
{
    uint8_t state = 0;
    for (uint_fast8_t i = 0; i < b->button_count; i++)
        if (b->pins_set & (1 << i) && board_input_read(b->pins[i]))
            state |= (uint8_t)(1 << i);
    return state ^ b->invert;
}

/* Timer context. A change counts when two polls agree on it. */
static enum timer_verdict poll(struct timer *timer)
{
    struct buttons *b = (struct buttons *)timer;
    uint8_t state = read_pins(b);
    if (state != b->pressed && state == b->seen && b->report_count < REPORTS_MAX) {
        b->pressed = state;
        b->reports[b->report_count++] = state;
        want_report(b);
    } else if (b->report_count && b->polls_to_retransmit && !--b->polls_to_retransmit) {
        want_report(b);
    }
    b->seen = state;
    timer->clock += b->rest_ticks;
    return TIMER_AGAIN;
}

/* Task context. */
static void report(struct buttons *b, uint8_t oid)
{
    uint8_t reports[REPORTS_MAX];
    board_irq_state irq = board_irq_save();
    uint8_t count = b->report_count, ack_count = b->ack_count;
    memcpy(reports, b->reports, count);
    b->report_wanted = false;
    board_irq_restore(irq);
    if (count)
        respond(buttons_state_response, oid, ack_count, count, message_address(reports));
}

/* Task context. */
void buttons_task(void)
{
    if (!task_woken(&buttons_wake))
        return;
    struct buttons *b;
    for (uint_fast8_t oid = 0; (b = object_next(&buttons_kind, &oid)); oid++)
        if (b->report_wanted)
            report(b, oid);
}
DECL_TASK(buttons_task);

/* Task context, as all commands. */
void command_config_buttons(const message_word *args)
{
    if (args[1] > BUTTONS_MAX)
        shutdown(BUTTONS_COUNT);
    struct buttons *b = object_create((uint32_t)args[0], sizeof(*b));
    b->button_count = (uint8_t)args[1];
    b->timer.run = poll;
    object_publish((uint32_t)args[0], b, &buttons_kind);
}
DECL_COMMAND(command_config_buttons, "config_buttons oid=%c button_count=%c");

void command_buttons_add(const message_word *args)
{
    struct buttons *b = object_find((uint32_t)args[0], &buttons_kind);
    if (args[1] >= b->button_count)
        shutdown(BUTTONS_POSITION);
    b->pins[args[1]] = board_input_setup((uint32_t)args[2], (int8_t)args[3]);
    b->pins_set |= (uint8_t)(1 << args[1]);
}
DECL_COMMAND(command_buttons_add, "buttons_add oid=%c pos=%c pin=%u pull_up=%c");

/* rest_ticks of 0 ends polling. */
void command_buttons_query(const message_word *args)
{
    struct buttons *b = object_find((uint32_t)args[0], &buttons_kind);
    timer_stop(&b->timer);
    if (!args[2])
        return;
    b->timer.clock = (uint32_t)args[1];
    b->rest_ticks = timer_period((uint32_t)args[2]);
    b->retransmit_count = (uint8_t)args[3];
    b->invert = (uint8_t)args[4];
    b->seen = b->pressed = b->report_count = b->ack_count = 0;
    timer_start(&b->timer);
}
DECL_COMMAND(command_buttons_query,
             "buttons_query oid=%c clock=%u rest_ticks=%u retransmit_count=%c invert=%c");

void command_buttons_ack(const message_word *args)
{
    struct buttons *b = object_find((uint32_t)args[0], &buttons_kind);
    board_irq_state irq = board_irq_save();
    bool good = args[1] <= b->report_count;
    if (good) {
        b->ack_count = (uint8_t)(b->ack_count + args[1]);
        b->report_count = (uint8_t)(b->report_count - args[1]);
        memmove(b->reports, b->reports + args[1], b->report_count);
    }
    board_irq_restore(irq);
    if (!good)
        shutdown(BUTTONS_ACK);
}
DECL_COMMAND(command_buttons_ack, "buttons_ack oid=%c count=%c");
