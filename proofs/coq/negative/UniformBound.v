(* NEGATIVE CONTROL: this file must not compile. It runs the induction of T7 at (b1, b2) =
   (9/10, 99/100) with K_t <= 1 for every t. check.sh wants the marked step, and only that, to fail,
   and then the same script to pass with the true value in the place of 1. *)

From Coq Require Import Reals Lra Lia.
From Adamcheck Require Import Adam StepBound.
Open Scope R_scope.

Definition claim : R := 1. (* true: 11 / 2 *)

Theorem moments : forall g t, m (9 / 10) g t ^ 2 <= claim * v (99 / 100) g t.
Proof.
  intros g t. pose proof (v_nonneg (99 / 100) g t ltac:(lra)) as Hv.
  apply Rle_trans with (K (9 / 10) (99 / 100) t * v (99 / 100) g t).
  - apply moment_bound. split; lra.
  - apply Rmult_le_compat_r; [assumption|]. clear Hv.
    induction t as [|n IH]; simpl in *; unfold claim in *; [lra|].
    lra. (* the false step *)
Qed.
