/* Steppers: play a queue of equal or evenly growing step intervals. */
#include "core/board.h"
#include "core/declare.h"
#include "core/mcu.h"
#include "core/moves.h"
#include "core/objects.h"
#include "drivers/trsync.h"

DECL_CONSTANT("STEPPER_STEP_BOTH_EDGE", 1);
DECL_REASON(STEPPER_IN_PAST, "Stepper too far in past");
DECL_REASON(STEPPER_ACTIVE, "Can't reset time when stepper active");
DECL_REASON(STEPPER_COUNT, "Invalid count parameter");
DECL_RESPONSE(stepper_position_response, "stepper_position oid=%c pos=%i");

/* Steps at last clock + interval, + interval + add, + interval + 2 add... from the one before. */
struct stepper_move {
    struct move move;
    uint32_t interval; /* ticks to the first step */
    int16_t add;       /* growth of the interval after each step, ticks */
    uint16_t count;
    bool direction;
};

struct stepper {
    struct timer timer;
    struct board_output step_pin, direction_pin;
    struct move_queue moves;
    struct trsync_signal signal;
    uint32_t interval;    /* ticks from the step that the timer waits for to the one after */
    uint32_t step_clock;  /* of the step that the timer waits for; when idle, of the last one */
    uint32_t pulse_ticks; /* least time between two edges of the step pin */
    int32_t position;     /* steps forward less steps backward */
    int16_t add;
    uint16_t count;       /* steps of this move after the one that the timer waits for */
    bool direction;       /* as the direction pin is now */
    bool next_direction;  /* of moves still to be queued */
    bool active;          /* the timer runs */
    bool both_edges;      /* each edge is a step */
    bool idle_high;       /* level of the step pin between pulses */
    bool in_pulse;
    bool needs_reset;     /* stopped: moves are void until the host gives a new clock */
};

static const struct object_kind stepper_kind;

/* Interrupts off. Take the next move; false if there is none. */
static bool load(struct stepper *s)
{
    struct stepper_move *move = (struct stepper_move *)move_pop(&s->moves);
    if (!move)
        return false;
    s->step_clock += move->interval;
    s->interval = move->interval + (uint32_t)(int32_t)move->add;
    s->add = move->add;
    s->count = move->count - 1;
    if (s->direction != move->direction) {
        s->direction = move->direction;
        board_output_toggle(s->direction_pin);
    }
    move_give_back(move);
    return true;
}

/* Timer context. */
static bool is_far_in_past(const struct stepper *s)
{
    return (int32_t)(board_clock() - s->step_clock) > (int32_t)(BOARD_LATE_LIMIT);
}

/* Timer context. Aim at the next step, but not before earliest, when the driver can next see an edge. */
static enum timer_verdict aim_at_next(struct stepper *s, uint32_t earliest)
{
    bool suspect = false; /* spare the clock's reading within a move that is in time */
    if (s->count) {
        s->count--;
        s->step_clock += s->interval;
        s->interval += (uint32_t)(int32_t)s->add;
    } else if (load(s)) {
        suspect = true;
    } else {
        s->active = false;
        return TIMER_DONE;
    }
    s->timer.clock = s->step_clock;
    if (clock_before(s->step_clock, earliest)) {
        s->timer.clock = earliest;
        suspect = true;
    }
    if (suspect && is_far_in_past(s))
        return shutdown_in_timer(STEPPER_IN_PAST);
    return TIMER_AGAIN;
}

static void count_step(struct stepper *s)
{
    s->position += s->direction ? 1 : -1;
}

/* Timer context, just after an edge: how soon the next one may be, even if this one was late. */
static uint32_t next_edge(const struct stepper *s)
{
    return s->pulse_ticks ? board_clock() + s->pulse_ticks : s->timer.clock;
}

/* Timer context: drivers that step on both edges. */
static enum timer_verdict edge(struct timer *timer)
{
    struct stepper *s = (struct stepper *)timer;
    board_output_toggle(s->step_pin);
    count_step(s);
    return aim_at_next(s, next_edge(s));
}

/* Timer context: begin and end of a pulse in turn. */
static enum timer_verdict half_pulse(struct timer *timer)
{
    struct stepper *s = (struct stepper *)timer;
    board_output_toggle(s->step_pin);
    s->in_pulse = !s->in_pulse;
    if (!s->in_pulse)
        return aim_at_next(s, next_edge(s));
    count_step(s);
    timer->clock = next_edge(s);
    return TIMER_AGAIN;
}

/* Interrupts off. Stop at once; later moves are void until reset_step_clock. */
static void halt(struct stepper *s)
{
    timer_stop(&s->timer);
    move_drop_all(&s->moves);
    s->count = 0;
    s->active = false;
    s->needs_reset = true;
    if (s->in_pulse) {
        s->in_pulse = false;
        board_output_write(s->step_pin, s->idle_high);
    }
}

/* Interrupts off: a trsync triggered. */
static void on_trigger(struct trsync_signal *signal)
{
    halt((struct stepper *)((char *)signal - offsetof(struct stepper, signal)));
}

/* Interrupts off. */
void stepper_on_shutdown(void)
{
    struct stepper *s;
    for (uint_fast8_t oid = 0; (s = object_next(&stepper_kind, &oid)); oid++)
        halt(s);
}
DECL_ON_SHUTDOWN(stepper_on_shutdown);

/* Task context, as all commands. An invert_step below 0 asks for steps on both edges. */
void command_config_stepper(const message_word *args)
{
    int_fast8_t invert = (int8_t)args[3];
    struct stepper *s = object_create((uint32_t)args[0], sizeof(*s));
    s->step_pin = board_output_setup((uint32_t)args[1], invert > 0);
    s->direction_pin = board_output_setup((uint32_t)args[2], false);
    s->idle_high = invert > 0;
    s->both_edges = invert < 0;
    s->pulse_ticks = (uint32_t)args[4];
    s->timer.run = s->both_edges ? edge : half_pulse;
    s->signal.stop = on_trigger;
    moves_need(sizeof(struct stepper_move));
    object_publish((uint32_t)args[0], s, &stepper_kind);
}
DECL_COMMAND(command_config_stepper,
             "config_stepper oid=%c step_pin=%c dir_pin=%c invert_step=%c step_pulse_ticks=%u");

/* Interrupts off. True if its first step is already past. */
static bool start(struct stepper *s)
{
    load(s);
    s->timer.clock = s->step_clock;
    s->active = true;
    if (clock_before(s->step_clock, board_clock()))
        return true;
    timer_insert(&s->timer);
    return false;
}

void command_queue_step(const message_word *args)
{
    struct stepper *s = object_find((uint32_t)args[0], &stepper_kind);
    uint16_t count = (uint16_t)args[2];
    if (!count)
        shutdown(STEPPER_COUNT);
    if (s->needs_reset)
        return;
    struct stepper_move *move = move_take();
    move->interval = (uint32_t)args[1];
    move->count = count;
    move->add = (int16_t)args[3];
    move->direction = s->next_direction;
    board_irq_state irq = board_irq_save();
    unwind_if_shutdown(irq);
    if (s->needs_reset)
        move_give_back(move);
    else
        move_append(&s->moves, &move->move);
    bool late = !s->active && s->moves.first && start(s);
    board_irq_restore(irq);
    if (late)
        shutdown(TIMER_TOO_CLOSE);
}
DECL_COMMAND(command_queue_step, "queue_step oid=%c interval=%u count=%hu add=%hi");

void command_set_next_step_dir(const message_word *args)
{
    struct stepper *s = object_find((uint32_t)args[0], &stepper_kind);
    s->next_direction = args[1];
}
DECL_COMMAND(command_set_next_step_dir, "set_next_step_dir oid=%c dir=%c");

void command_reset_step_clock(const message_word *args)
{
    struct stepper *s = object_find((uint32_t)args[0], &stepper_kind);
    board_irq_state irq = board_irq_save();
    bool active = s->active;
    if (!active) {
        s->step_clock = (uint32_t)args[1];
        s->needs_reset = false;
    }
    board_irq_restore(irq);
    if (active)
        shutdown(STEPPER_ACTIVE);
}
DECL_COMMAND(command_reset_step_clock, "reset_step_clock oid=%c clock=%u");

void command_stepper_get_position(const message_word *args)
{
    struct stepper *s = object_find((uint32_t)args[0], &stepper_kind);
    board_irq_state irq = board_irq_save();
    int32_t position = s->position;
    board_irq_restore(irq);
    respond(stepper_position_response, args[0], (uint32_t)position);
}
DECL_COMMAND(command_stepper_get_position, "stepper_get_position oid=%c");

void command_stepper_stop_on_trigger(const message_word *args)
{
    struct stepper *s = object_find((uint32_t)args[0], &stepper_kind);
    trsync_add_signal(trsync_find((uint32_t)args[1]), &s->signal);
}
DECL_COMMAND(command_stepper_stop_on_trigger, "stepper_stop_on_trigger oid=%c trsync_oid=%c");
