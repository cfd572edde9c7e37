(* NEGATIVE CONTROL: this file must not compile. It claims the published bound |Delta_2| <= alpha at
   (b1, b2) = (9/10, 99/100). check.sh wants the last step, and only that, to fail, and then the same
   script to pass with the true value in the place of 1. *)

From Coq Require Import Reals Lra Lia.
From Adamcheck Require Import Adam StepBound.
Open Scope R_scope.

Definition claim : R := 1. (* true: 3980 / 3971 *)

Theorem second_step : forall alpha eps g, 0 <= alpha -> 0 <= eps ->
  Rabs (Delta alpha (9 / 10) (99 / 100) eps g 2) <= alpha * sqrt claim.
Proof.
  intros alpha eps g Ha He. apply step_from_moments; try assumption.
  - unfold claim. lra.
  - apply v_hat_nonneg; [lra | lia].
  - replace (m_hat (9 / 10) g 2) with (10 / 19 * (9 / 10 * g 1%nat + g 2%nat))
      by (unfold m_hat; simpl; field).
    replace (v_hat (99 / 100) g 2) with (100 / 199 * (99 / 100 * g 1%nat ^ 2 + g 2%nat ^ 2))
      by (unfold v_hat; simpl; field).
    unfold claim. pose proof (pow2_ge_0 (11 * g 1%nat - 10 * g 2%nat)) as square.
    lra. (* the false step *)
Qed.
