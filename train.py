"""`python train.py --flags`: see flags.md, or --helpshort."""

from qaconv_tf.commands.program import run_program

if __name__ == "__main__":
    run_program("train")
