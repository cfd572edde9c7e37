(* T8: the step bound printed in section 2.1 of Kingma & Ba is refuted as a worst-case statement, at
   t = 2 by two whole-number gradients and at the usual hyperparameters at t = 210; and where it is
   true, it follows from T7. *)

From Coq Require Import Reals Lra Lia.
From Adamcheck Require Import Adam StepBound Increase.
Open Scope R_scope.

(** |Delta| <= alpha * published b1 b2 is the printed claim (with "<" where both cases meet). *)
Definition published (b1 b2 : R) : R :=
  if Rlt_dec (sqrt (1 - b2)) (1 - b1) then (1 - b1) / sqrt (1 - b2) else 1.

(** * Refuted at the second step *)

Definition ten_eleven (t : nat) : R := match t with 1%nat => 10 | 2%nat => 11 | _ => 0 end.

Lemma published_at_99 : published (9 / 10) (99 / 100) = 1.
Proof.
  unfold published. destruct Rlt_dec as [H|H]; [exfalso|reflexivity].
  replace (1 - 99 / 100) with (Rsqr (1 / 10)) in H by (unfold Rsqr; field).
  rewrite sqrt_Rsqr in H by lra. lra.
Qed.

Lemma m_hat_at_two : m_hat (9 / 10) ten_eleven 2 = 200 / 19.
Proof. unfold m_hat. simpl. field. Qed.

Lemma v_hat_at_two : v_hat (99 / 100) ten_eleven 2 = 22000 / 199.
Proof. unfold v_hat. simpl. field. Qed.

(** (Delta_2 / alpha)^2 = 3980/3971 > 1, exactly. *)
Theorem step_at_two : forall alpha,
  Delta alpha (9 / 10) (99 / 100) 0 ten_eleven 2 ^ 2 = alpha ^ 2 * (3980 / 3971).
Proof.
  intros alpha. unfold Delta. rewrite m_hat_at_two, v_hat_at_two, Rplus_0_r.
  assert (0 < sqrt (22000 / 199)) by (apply sqrt_lt_R0; lra).
  replace ((alpha * (200 / 19) / sqrt (22000 / 199)) ^ 2)
    with (alpha ^ 2 * (200 / 19) ^ 2 / (sqrt (22000 / 199) * sqrt (22000 / 199))) by (field; lra).
  rewrite sqrt_sqrt by lra. field.
Qed.

(** An eps as large as 1/100 does not save the claim. *)
Theorem published_refuted_at_two : forall alpha eps, 0 < alpha -> 0 <= eps <= 1 / 100 ->
  alpha * published (9 / 10) (99 / 100)
  < Delta alpha (9 / 10) (99 / 100) eps ten_eleven 2.
Proof.
  intros alpha eps Ha He. rewrite published_at_99. unfold Delta.
  rewrite m_hat_at_two, v_hat_at_two.
  assert (P : 0 < sqrt (22000 / 199)) by (apply sqrt_lt_R0; lra).
  assert (L : sqrt (22000 / 199) < 2103 / 200).
  { rewrite <- (sqrt_Rsqr (2103 / 200)) by lra. apply sqrt_lt_1_alt. unfold Rsqr. lra. }
  unfold Rdiv at 1. rewrite Rmult_assoc. apply Rmult_lt_compat_l; [assumption|].
  apply Rmult_lt_reg_r with (sqrt (22000 / 199) + eps); [lra|].
  rewrite Rmult_assoc, Rinv_l by lra. lra.
Qed.

(** * Refuted at the usual hyperparameters *)

Lemma published_default : published (9 / 10) (999 / 1000) = sqrt 10.
Proof.
  assert (P : 0 < sqrt (1 / 1000)) by (apply sqrt_lt_R0; lra).
  assert (E : sqrt 10 * sqrt (1 / 1000) = 1 / 10).
  { rewrite <- sqrt_mult by lra. replace (10 * (1 / 1000)) with (Rsqr (1 / 10))
      by (unfold Rsqr; field). apply sqrt_Rsqr. lra. }
  unfold published. replace (1 - 999 / 1000) with (1 / 1000) by field.
  replace (1 - 9 / 10) with (1 / 10) by field.
  assert (1 < sqrt 10) by (rewrite <- sqrt_1 at 1; apply sqrt_lt_1_alt; lra).
  destruct Rlt_dec as [C|C]; [|exfalso; apply C; nra].
  rewrite <- E. field. lra.
Qed.

Lemma R_sq_default : forall t, (1 <= t)%nat ->
  R_sq (9 / 10) (999 / 1000) t
  = 370 / 7 * ((1 - (999 / 1000) ^ t) * (1 - (30 / 37) ^ t) / (1 - (9 / 10) ^ t) ^ 2).
Proof.
  intros t Ht. rewrite R_sq_closed by (try split; lra || assumption).
  rewrite R_inf_sq_default. replace ((9 / 10) ^ 2 / (999 / 1000)) with (30 / 37) by field.
  reflexivity.
Qed.

(* One link in a chain of bounds of x^n by short fractions; n grows by a factor k. *)
Lemma pow_le_link : forall x y z n k, 0 <= x -> x ^ n <= y -> y ^ k <= z -> x ^ (n * k) <= z.
Proof.
  intros x y z n k Hx Hy Hz. apply Rle_trans with (y ^ k); [|assumption].
  rewrite pow_mult. apply pow_incr. split; [apply pow_le|]; assumption.
Qed.

Lemma pow_ge_link : forall x y z n k, 0 <= y -> y <= x ^ n -> z <= y ^ k -> z <= x ^ (n * k).
Proof.
  intros x y z n k Hy Hx Hz. apply Rle_trans with (y ^ k); [assumption|].
  rewrite pow_mult. apply pow_incr. split; assumption.
Qed.

(* The base stays a variable, so that no tactic multiplies out its high powers. *)
Lemma pow_210_le : forall x, 0 <= x -> x ^ 7 <= 993021 / 1000000 -> x ^ 210 <= 8107 / 10000.
Proof.
  intros x Hx A. apply (pow_le_link x (96559 / 100000) _ 35 6); [assumption| |clear A; lra].
  apply (pow_le_link x (993021 / 1000000) _ 7 5); [assumption|assumption|lra].
Qed.

Lemma pow_209_ge : forall x, 0 <= x -> 98905 / 100000 <= x ^ 11 -> 8111 / 10000 <= x ^ 209.
Proof.
  intros x Hx A. change 209%nat with (33 * 6 + 11)%nat. rewrite pow_add.
  apply Rle_trans with (82017 / 100000 * (98905 / 100000)); [clear A; lra|].
  apply Rmult_le_compat; [clear A; lra|clear A; lra| |assumption].
  apply (pow_ge_link x (9675 / 10000) _ 33 6); [clear A; lra| |clear A; lra].
  apply (pow_ge_link x (98905 / 100000) _ 11 3); [clear A; lra|assumption|clear A; lra].
Qed.

Lemma beta2_pow_210 : (999 / 1000) ^ 210 <= 8107 / 10000.
Proof. apply pow_210_le; lra. Qed.

Lemma beta2_pow_209 : 8111 / 10000 <= (999 / 1000) ^ 209.
Proof. apply pow_209_ge; lra. Qed.

Lemma q_pow_210 : (30 / 37) ^ 210 <= 1 / 100000.
Proof. apply (pow_le_link (30 / 37) (1 / 4) _ 7 30); lra. Qed.

Lemma beta1_pow_209 : (9 / 10) ^ 209 <= 1 / 100000.
Proof. apply (pow_le_link (9 / 10) (1 / 3) _ 11 19); lra. Qed.

Lemma R_sq_default_210 : 10 < R_sq (9 / 10) (999 / 1000) 210.
Proof.
  rewrite R_sq_default by lia. pose proof beta2_pow_210 as X. pose proof q_pow_210 as Q.
  pose proof (pow_below_1 (9 / 10) 210 ltac:(lra) ltac:(lia)) as Z.
  revert X Q Z. generalize ((999 / 1000) ^ 210) ((30 / 37) ^ 210) ((9 / 10) ^ 210).
  intros x q z X Q Z. assert (0 < (1 - z) ^ 2 <= 1) by nra.
  apply Rmult_lt_reg_r with ((1 - z) ^ 2); [lra|].
  replace (370 / 7 * ((1 - x) * (1 - q) / (1 - z) ^ 2) * (1 - z) ^ 2)
    with (370 / 7 * ((1 - x) * (1 - q))) by (field; lra).
  assert (1893 / 10000 * (99999 / 100000) <= (1 - x) * (1 - q))
    by (apply Rmult_le_compat; lra). lra.
Qed.

Lemma R_sq_default_209 : R_sq (9 / 10) (999 / 1000) 209 < 10.
Proof.
  rewrite R_sq_default by lia. pose proof beta2_pow_209 as X. pose proof beta1_pow_209 as Z.
  pose proof (pow_le (9 / 10) 209 ltac:(lra)) as Z0.
  pose proof (pow_le (30 / 37) 209 ltac:(lra)) as Q.
  pose proof (pow_below_1 (999 / 1000) 209 ltac:(lra) ltac:(lia)) as X1.
  revert X X1 Q Z0 Z. generalize ((999 / 1000) ^ 209) ((30 / 37) ^ 209) ((9 / 10) ^ 209).
  intros x q z X X1 Q Z0 Z. assert (99997 / 100000 <= (1 - z) ^ 2) by nra.
  apply Rmult_lt_reg_r with ((1 - z) ^ 2); [lra|].
  replace (370 / 7 * ((1 - x) * (1 - q) / (1 - z) ^ 2) * (1 - z) ^ 2)
    with (370 / 7 * ((1 - x) * (1 - q))) by (field; lra).
  assert ((1 - x) * (1 - q) <= 1889 / 10000 * 1) by nra. lra.
Qed.

(** The extremal sequence passes the claim at t = 210 ... *)
Theorem published_refuted_at_default : forall alpha, 0 < alpha ->
  exists g, alpha * published (9 / 10) (999 / 1000)
            < Delta alpha (9 / 10) (999 / 1000) 0 g 210.
Proof.
  intros alpha Ha.
  destruct (step_bound_tight alpha (9 / 10) (999 / 1000) 210) as [g E]; try lra; [lia|].
  exists g. rewrite E, published_default. apply Rmult_lt_compat_l; [assumption|].
  apply sqrt_lt_1_alt. split; [lra|]. exact R_sq_default_210.
Qed.

(** ... and no sequence passes it before. *)
Theorem published_holds_before_210 : forall alpha eps g t, 0 <= alpha -> 0 <= eps ->
  (1 <= t < 210)%nat ->
  Rabs (Delta alpha (9 / 10) (999 / 1000) eps g t) <= alpha * published (9 / 10) (999 / 1000).
Proof.
  intros alpha eps g t Ha He Ht. rewrite published_default.
  eapply Rle_trans; [apply step_bound; lra || lia|].
  apply Rmult_le_compat_l; [assumption|].
  apply Rle_trans with (R_of (9 / 10) (999 / 1000) 209); [apply R_monotone; lra || lia|].
  apply sqrt_le_1_alt. left. exact R_sq_default_209.
Qed.

(** * Where the claim is true *)

(** Equal rates: no step exceeds alpha. *)
Theorem published_holds_at_equal_rates : forall alpha b eps g t,
  0 < b < 1 -> 0 <= alpha -> 0 <= eps -> (1 <= t)%nat ->
  Rabs (Delta alpha b b eps g t) <= alpha.
Proof.
  intros alpha b eps g t Hb Ha He Ht. rewrite <- (Rmult_1_r alpha) at 2.
  replace 1 with (R_of b b t); [apply step_bound; lra || assumption|].
  rewrite <- sqrt_1. unfold R_of, R_sq. f_equal.
  replace (b ^ 2 / b) with b by (field; lra). rewrite geometric_closed by lra.
  pose proof (pow_below_1 b t ltac:(lra) Ht). field. lra.
Qed.

(** No momentum: alpha / sqrt(1 - b2). *)
Theorem published_holds_without_momentum : forall alpha b2 eps g t,
  0 < b2 < 1 -> 0 <= alpha -> 0 <= eps -> (1 <= t)%nat ->
  Rabs (Delta alpha 0 b2 eps g t) <= alpha * published 0 b2.
Proof.
  intros alpha b2 eps g t Hb Ha He Ht.
  assert (P : 0 < sqrt (1 - b2)) by (apply sqrt_lt_R0; lra).
  assert (L : sqrt (1 - b2) < 1) by (rewrite <- sqrt_1 at 2; apply sqrt_lt_1_alt; lra).
  apply Rle_trans with (alpha * R_inf 0 b2); [apply step_bound_uniform; lra || assumption|].
  right. f_equal. unfold published, R_inf, R_inf_sq.
  destruct Rlt_dec as [H|H]; [|exfalso; lra].
  replace ((1 - 0) ^ 2 / ((1 - b2) * (1 - 0 ^ 2 / b2))) with (/ (1 - b2)) by (field; lra).
  rewrite sqrt_inv by lra. field. lra.
Qed.

Print Assumptions step_at_two.
Print Assumptions published_refuted_at_two.
Print Assumptions published_refuted_at_default.
Print Assumptions published_holds_before_210.
Print Assumptions published_holds_at_equal_rates.
Print Assumptions published_holds_without_momentum.
