"""Optimises a small program with eight calls in flight, and says how it then does."""

import json

import dspy

dspy.configure_cache(enable_disk_cache=False, enable_memory_cache=False)
dspy.configure(lm=dspy.LM("openai/gpt-4.1"))

IN_FLIGHT = 8


def exercises(numbers: range) -> list[dspy.Example]:
    return [
        dspy.Example(question=f"What is twice {number}?", answer=str(2 * number)).with_inputs(
            "question"
        )
        for number in numbers
    ]


def is_right(example: dspy.Example, prediction: dspy.Prediction, _trace: object = None) -> bool:
    return bool(example.answer == prediction.answer)


optimiser = dspy.MIPROv2(
    metric=is_right,
    prompt_model=dspy.LM("openai/gpt-4.1-mini"),
    auto=None,
    num_candidates=3,
    max_bootstrapped_demos=2,
    max_labeled_demos=2,
    num_threads=IN_FLIGHT,
)
best = optimiser.compile(
    dspy.ChainOfThought("question -> answer"),
    trainset=exercises(range(100, 106)),
    valset=exercises(range(200, 200 + IN_FLIGHT)),
    num_trials=4,
    minibatch=False,
)
unseen = exercises(range(300, 300 + 2 * IN_FLIGHT))
result = dspy.Evaluate(devset=unseen, metric=is_right, num_threads=IN_FLIGHT)(best)
answers = {example.question: prediction.answer for example, prediction, _ in result.results}
trials = [trial["full_eval_score"] for trial in best.trial_logs.values()]
instructions = [predictor.signature.instructions for predictor in best.predictors()]
told = {"score": result.score, "answers": answers, "trials": trials, "instructions": instructions}
print(json.dumps(told))
